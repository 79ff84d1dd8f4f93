"""B4: rows against trials. B5: what rows may cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.scaling import Observation, fit_learning_curve
from driftune.scaling.advise.allocation import allocate
from driftune.scaling.advise.purchase import best_purchase, judge_purchase
from driftune.scaling.advise.threshold import Threshold

DATA, SEARCH = (10, 0.5), (1, 1)


def test_b4_the_compute_optimal_split():
    best = allocate(1e6, data=DATA, search=SEARCH, cost=1.0)
    assert best.rows == pytest.approx(29240, rel=1e-4)
    assert best.trials == pytest.approx(34.2, rel=1e-3)
    assert best.excess == pytest.approx(0.08772, rel=1e-4)


def test_b4_twice_the_time_takes_the_cube_root_of_a_half():
    once, twice = (allocate(t, data=DATA, search=SEARCH, cost=1.0) for t in (1e6, 2e6))
    assert twice.excess / once.excess == pytest.approx(2 ** (-1 / 3), rel=1e-6)


@given(
    A=st.floats(0.1, 100), a=st.floats(0.1, 1.5), S=st.floats(0.01, 10), s=st.floats(0.3, 2),
    seconds=st.floats(1e3, 1e7),
)  # fmt: skip
def test_no_other_split_of_the_budget_is_better(A, a, S, s, seconds):
    best = allocate(seconds, data=(A, a), search=(S, s), cost=0.01, max_rows=1e6)
    for rows in np.geomspace(1, min(1e6, seconds / 0.01), 60):
        trials = max(1.0, seconds / (0.01 * rows))
        assert best.excess <= (A * rows**-a + S * trials**-s) * (1 + 1e-9)


def test_a_cost_that_begins_above_zero_asks_for_more_rows():
    plain = allocate(1e4, data=DATA, search=SEARCH, cost=lambda n: 0.01 * n, max_rows=1e5)
    closed = allocate(1e4, data=DATA, search=SEARCH, cost=0.01, max_rows=1e5)
    assert plain.excess == pytest.approx(closed.excess, rel=1e-3)
    slow = (1, 0.5)
    plain = allocate(1e4, data=DATA, search=slow, cost=lambda n: 0.01 * n, max_rows=1e5)
    begun = allocate(1e4, data=DATA, search=slow, cost=lambda n: 100 + 0.01 * n, max_rows=1e5)
    assert begun.rows > 1.05 * plain.rows


def test_rows_that_are_not_there_are_not_used():
    best = allocate(1e6, data=DATA, search=SEARCH, cost=1.0, max_rows=5000)
    assert best.rows == 5000
    assert best.trials == pytest.approx(200)


def test_b5_buy_until_the_next_row_is_not_worth_its_price():
    rows = best_purchase(DATA, value_per_unit_loss=1000, row_cost=0.01)
    assert rows == pytest.approx(6300, rel=1e-4)
    assert 10 * rows**-0.5 == pytest.approx(0.12599, rel=1e-4)

    def profit(n):
        return -1000 * 10 * n**-0.5 - 0.01 * n

    assert profit(rows) > max(profit(0.9 * rows), profit(1.1 * rows))


def a_curve(noise=0.001):
    sizes = (500, 1000, 2000, 4000, 8000)
    return fit_learning_curve([Observation(n, 1 + 20 * n**-0.5, noise) for n in sizes])


@pytest.mark.parametrize(("price", "worth"), [(0.001, True), (10.0, False)])
def test_rows_are_bought_when_the_lower_end_of_their_gain_pays_for_them(price, worth):
    found = judge_purchase(
        a_curve(), rows=8000, scale=2.0, more=16_000, row_cost=price, value_per_unit_loss=1000
    )
    assert found.gain.loss == pytest.approx(20 * (8000**-0.5 - 16_000**-0.5), rel=0.1)
    assert found.price == pytest.approx(16_000 * price)
    assert found.value == pytest.approx(1000 * found.gain.low)
    assert found.worth is worth


def test_without_a_price_rows_are_worth_asking_for_when_they_gain_more_than_noise():
    curve = a_curve()
    assert judge_purchase(
        curve, rows=8000, scale=1, more=8000, limit=Threshold(0.01, "noise")
    ).worth
    assert not judge_purchase(
        curve, rows=8000, scale=1, more=8000, limit=Threshold(0.5, "noise")
    ).worth
