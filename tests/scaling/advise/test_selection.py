"""Is a choice of rows worth it? The rule, its sentence, and what the advice makes of it."""

import json

import pytest

from driftune.scaling import Observation, plan_budget
from driftune.scaling.advise.selection import judge_selection

SPREAD = (-2.0, -1.0, 0.0, 1.0, 2.0)  # mean 0, standard error 0.7071


def judge(gain, *, seeds=5, rivals=None, **options):
    """A choice whose losses lie ``gain`` below those of a sample, give or take 0.71."""
    chosen = [10.0 - gain + off for off in SPREAD[:seeds]]
    rivals = {"a random sample of": [10.0] * seeds, **(rivals or {})}
    return judge_selection(chosen, rivals, rows=2_000, **options)


@pytest.mark.parametrize(
    ("gain", "worth"), [(0.72, True), (0.70, False), (0.0, False), (-0.72, False)]
)
def test_it_takes_one_standard_error_over_the_seeds(gain, worth):
    found = judge(gain)
    assert found.worth is worth
    assert found.gain == pytest.approx(gain)
    assert found.error == pytest.approx(0.5**0.5)
    assert (found.method, found.seeds, found.rows) == ("k_center", 5, 2_000)


def test_what_makes_all_rows_of_a_seed_hard_cancels():
    hard = [0.0, 50.0, 100.0, 0.0, 20.0]
    chosen = [9.9 + add for add in hard]
    sample = [10.0 + add for add in hard]
    found = judge_selection(chosen, {"a random sample of": sample}, rows=100)
    assert found.worth
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_the_better_rival_is_the_one_to_beat():
    newest = {"the newest": [9.0] * 5}
    assert judge(0.9).worth
    found = judge(0.9, rivals=newest, usual="the newest rows")
    assert not found.worth
    assert found.gain == pytest.approx(-0.1)
    assert "against the newest 2,000: keep the newest rows." in found.reason
    assert judge(2.9, rivals=newest).worth


def test_too_few_seeds_decide_nothing():
    few = judge(50.0, seeds=4)
    assert not few.worth
    assert "4 of 5 seeds" in few.reason
    one = judge(50.0, seeds=1)
    assert (one.error, one.worth) == (None, False)
    none = judge_selection([], {}, rows=2_000)
    assert (none.gain, none.error, none.seeds, none.worth) == (None, None, 0, False)


def test_the_sentence_says_what_was_found_and_what_follows():
    assert judge(0.3).reason == (
        "k-center rows would lower the loss by 0.3 +- 0.71 against a random sample of 2,000: not by"
        " one standard error, so keep the random sample."
    )
    assert "raise the loss by 0.3 +-" in judge(-0.3).reason
    assert "2,000 (9,000 would take too long to try): take" in judge(2.0, asked=9_000).reason


def advise(selection, **options):
    points = [
        Observation(n, 1 + 20 * n**-0.5 + k / 50, 0.01, n * k / 5000, 100, 31, config_id=f"{k}")
        for n in (1000, 2000, 4000, 8000)
        for k in range(1, 13)
    ]
    return plan_budget(points, seconds=600, rows=16_000, spent=60, selection=selection, **options)


def test_advice_carries_a_choice_only_where_it_is_worth_it_and_rows_are_limited():
    won, lost = judge(2.0), judge(0.3)
    assert advise(won, max_rows=4_000).budget["budget"]["row_selection"] == "k_center"
    assert advise(won, max_rows=4_000).budget["budget"]["max_rows"] == 4_000
    assert "row_selection" not in advise(lost, max_rows=4_000).budget["budget"]
    assert "row_selection" not in advise(None, max_rows=4_000).budget["budget"]
    assert "row_selection" not in advise(won).budget["budget"]  # all rows are used
    assert advise(lost, max_rows=4_000).reasons[-1] == lost.reason
    kept = json.loads(json.dumps(advise(won, max_rows=4_000).to_dict()))
    assert kept["selection"]["worth"] is True
    assert kept["tuning"]["budget"]["row_selection"] == "k_center"
    assert advise(None, max_rows=4_000).to_dict()["selection"] is None
