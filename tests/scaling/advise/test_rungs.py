"""B6: how a budget is shared out over rungs, and what a race over them is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.scaling.advise.ranking import rank_correlation, worth_in_trials
from driftune.scaling.advise.rungs import plan_rungs, rung_parts

N = 90_000


def linear(rows):
    return 20 * rows / N


def test_b6_three_rungs_under_a_linear_cost():
    rungs = plan_rungs(N, 800, linear, parts=(9, 3, 1), reserve=0.25)
    assert [rung.configs for rung in rungs] == [90, 30, 10]
    assert [rung.rows for rung in rungs] == [10_000, 30_000, 90_000]
    assert sum(rung.seconds for rung in rungs) == pytest.approx(600)


@given(
    seconds=st.floats(10, 1e5), start=st.floats(0, 10), slope=st.floats(0.1, 50),
    reserve=st.floats(0, 0.5), parts=st.sampled_from([(1,), (3, 1), (9, 3, 1), (27, 9, 3, 1)]),
)  # fmt: skip
def test_b6_the_reserve_is_kept_whatever_the_cost(seconds, start, slope, reserve, parts):
    rungs = plan_rungs(N, seconds, lambda n: start + slope * n / N, parts=parts, reserve=reserve)
    assert sum(rung.seconds for rung in rungs) <= (1 - reserve) * seconds * (1 + 1e-6) + 0.01
    assert [r.configs for r in rungs] == sorted((r.configs for r in rungs), reverse=True)


def test_a_fit_that_costs_the_same_on_few_rows_makes_rungs_worthless():
    def share(cost):
        flat = plan_rungs(N, 800, cost, parts=(1,))[0].configs
        rungs = plan_rungs(N, 800, cost, parts=(9, 3, 1))
        return worth_in_trials([r.configs for r in rungs], (9, 3, 1)) / flat

    assert share(linear) > 2
    assert share(lambda n: 18 + 2 * n / N) < 1


def test_more_rows_rank_better():
    shares = [rank_correlation(share) for share in (0.03, 0.1, 0.25, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_race_that_nobody_finishes_is_worth_nothing():
    assert worth_in_trials([5, 1, 0], (9, 3, 1)) == 0


@pytest.mark.parametrize("parts", [(9, 3), (3, 9, 1), (3, 3, 1), ()])
def test_parts_that_do_not_fall_to_one_are_refused(parts):
    with pytest.raises(UsageError, match="fall to 1"):
        plan_rungs(N, 800, linear, parts=parts)


def test_a_lowest_rung_holds_enough_of_the_rarest_class():
    assert rung_parts(500_000, break_even=26_350) == [27, 9, 3, 1]
    assert rung_parts(500_000, break_even=26_350, rarest=0.001) == [9, 3, 1]
