"""``plan_budget``: what it advises where the right answer is known."""

import json

import numpy as np
import pytest

from driftune.errors import DataError, UsageError
from driftune.scaling import Observation, plan_budget

SIZES = (1250, 2500, 5000, 10_000, 20_000)


def pilots(sizes=SIZES, loss=lambda n: 1 + 20 * n**-0.5, se=0.004, configs=14, each=2.5e-7):
    """Pilots of ``configs`` configurations; seconds as the spec measured them, three folds."""
    rng = np.random.default_rng(0)
    return [
        Observation(
            n, loss(n) * (1 + 0.01 * k) + rng.normal(0, se / 4), se,
            3 * (each * n * 300 + 2.2e-4 * 300 * 15) / 2, 300, 15, config_id=f"{k}",
        )
        for n in sizes for k in range(configs)
    ]  # fmt: skip


def test_with_time_enough_all_rows_and_what_to_expect():
    advice = plan_budget(pilots(), seconds=600, rows=40_000, table_rows=80_000, spent=60)
    truth = 1 + 20 * 40_000**-0.5
    assert advice.rows_fraction == 1
    assert advice.rows == 80_000
    assert advice.expected.low <= truth <= advice.expected.high
    assert advice.expected.loss == pytest.approx(truth, rel=0.03)
    assert advice.confidence == "high"
    spent = sum(rung.seconds for rung in advice.rungs)
    assert spent <= advice.search_seconds * (1 + 1e-6)
    assert advice.search_seconds + advice.reserve_seconds + 60 == pytest.approx(600)


def test_b7_a_bump_is_flagged_and_lowers_the_confidence():
    def bumpy(n):
        return 1 + 20 * n**-0.5 + (0.2 if n == 10_000 else 0)

    smooth = plan_budget(pilots(se=0.02), seconds=600, rows=40_000)
    bump = plan_budget(pilots(loss=bumpy, se=0.02), seconds=600, rows=40_000)
    assert not smooth.curve.nonmonotone
    assert bump.curve.nonmonotone
    assert bump.confidence == "low"
    assert any("rises with more rows" in reason for reason in bump.reasons)


def test_b7_a_flat_curve_asks_for_no_more_rows():
    flat = plan_budget(pilots(loss=lambda n: 1 + 0.05 * n**-0.5), seconds=600, rows=40_000)
    steep = plan_budget(pilots(), seconds=600, rows=40_000)
    assert not flat.more_rows.worth
    assert "not worth" in flat.more_rows.reason
    assert steep.more_rows.worth


def test_rows_pay_for_themselves_or_not():
    def worth(price):
        return plan_budget(
            pilots(), seconds=600, rows=40_000, row_cost=price, value_per_unit_loss=10_000
        ).more_rows.worth

    assert worth(1e-4)
    assert not worth(1.0)


def test_a_table_far_too_large_for_the_time_is_cut_down():
    dear = pilots(each=2.5e-5)
    advice = plan_budget(dear, seconds=600, rows=80_000, spent=60)
    assert advice.rows_fraction < 1
    assert sum(rung.seconds for rung in advice.rungs) <= advice.search_seconds
    assert advice.trials >= 1
    assert advice.budget["budget"]["max_rows"] == advice.rows
    assert any("All rows allow" in reason for reason in advice.reasons)


def test_rungs_are_taken_where_they_pay_and_only_there():
    cheap_leaves = [
        Observation(n, 1.3 + 20 * n**-0.5 + k / 20, 0.002, 2e-4 * n, 300, 15, config_id=f"{k}")
        for n in SIZES for k in range(14)
    ]  # fmt: skip
    pays = plan_budget(cheap_leaves, seconds=150, rows=60_000, noise=0.01)
    enough = plan_budget(cheap_leaves, seconds=200_000, rows=60_000, noise=0.05)
    assert pays.parts[0] > 1
    assert pays.chosen.worth > pays.alternatives[0].worth
    assert enough.parts == (1,)
    assert not enough.beats_naive
    assert any("cannot be beaten" in reason for reason in enough.reasons)


def test_b8_on_24_000_rows_three_rungs_bring_no_more_than_two():
    """The spec's fixture: 12.5 % of the rows cost 39 % of a fit, a third of them 56 %."""
    points = [
        Observation(n, 1 + 20 * n**-0.5 + k / 100, 0.004, 0.3 + 0.7 * n / 24_000, 300, 31,
                    config_id=f"{k}")
        for n in (1500, 3000, 6000, 12_000) for k in range(14)
    ]  # fmt: skip
    advice = plan_budget(points, seconds=60, rows=24_000, noise=0.01)
    losses = {len(one.parts): one.loss for one in advice.alternatives}
    assert len(advice.parts) <= 2
    assert losses.get(3, np.inf) > losses.get(2, losses[1]) - 0.01


def test_where_the_pilots_cost_more_than_they_bring_it_says_so():
    dear = pilots(each=2.5e-6, se=0.0005)
    advice = plan_budget(dear, seconds=240, rows=30_000, spent=200)
    assert advice.chosen.loss > advice.naive.loss
    assert not advice.beats_naive
    assert any("would have used better" in reason for reason in advice.reasons)


def test_a_gain_that_is_asked_for_takes_the_place_of_noise():
    advice = plan_budget(pilots(), seconds=600, rows=40_000, min_gain=0.5)
    assert "the least gain that counts" in advice.more_compute.reason
    assert not advice.more_rows.worth


def test_more_time_is_worth_it_only_while_trials_bring_more_than_noise():
    short = plan_budget(pilots(se=0.0005), seconds=30, rows=40_000)
    long = plan_budget(pilots(), seconds=100_000, rows=40_000)
    assert short.more_compute.gain > long.more_compute.gain
    assert not long.more_compute.worth
    assert long.more_compute.enough < long.search_seconds


def test_with_too_few_sizes_it_says_so_and_still_plans():
    advice = plan_budget(pilots(sizes=(1000, 2000)), seconds=600, rows=2000)
    assert advice.curve is None
    assert advice.more_rows is None
    assert advice.confidence == "low"
    assert any("No learning curve" in reason for reason in advice.reasons)
    assert advice.expected.low < advice.expected.loss < advice.expected.high


def test_far_beyond_the_pilots_the_confidence_is_low():
    words = [
        plan_budget(pilots(), seconds=600, rows=rows).confidence
        for rows in (60_000, 120_000, 400_000)
    ]
    assert words == ["high", "medium", "low"]


def test_rows_that_may_not_be_used_are_not():
    advice = plan_budget(pilots(), seconds=600, rows=40_000, table_rows=80_000, max_rows=20_000)
    assert advice.rows <= 20_000
    assert advice.budget["budget"]["max_rows"] == advice.rows


def test_everything_is_json_and_the_same_twice():
    advice, again = (plan_budget(pilots(), seconds=600, rows=40_000) for _ in range(2))
    assert json.loads(json.dumps(advice.to_dict())) == json.loads(json.dumps(again.to_dict()))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seconds": -1.0}, "seconds"),
        ({"rows": 0}, "rows"),
        ({"row_cost": -1.0}, "row_cost"),
        ({"min_gain": float("nan")}, "min_gain"),
        ({"spent": 600.0}, "larger"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(changes, named):
    with pytest.raises(UsageError, match=named):
        plan_budget(pilots(), **({"seconds": 600, "rows": 40_000} | changes))


def test_no_pilots_no_plan():
    with pytest.raises(DataError, match="no pilot"):
        plan_budget([], seconds=600, rows=40_000)
