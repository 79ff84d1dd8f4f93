"""The cost model: three constants of a boosted fit, and where rows begin to matter."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.errors import DataError, InsufficientPoints
from driftune.scaling.curves.cost import CostModel, fit_cost
from driftune.scaling.curves.observation import Observation

MEASURED = CostModel(c0=0.5, c1=2.7e-7, c2=2.2e-4, error=0.0)  # LightGBM, 20 features, one thread


def fits(noise=0.0, seed=0, cost=MEASURED):
    """Fits over the sizes of a pilot, with relative noise."""
    rng = np.random.default_rng(seed)
    sizes = product((750, 3000, 12_000, 24_000, 100_000), (60, 150, 300), (8, 16, 32, 64))
    return [
        Observation(n, 1.0, rounds=r, leaves=k, seconds=cost.seconds(n, r, k) * luck)
        for (n, r, k), luck in zip(sizes, np.exp(noise * rng.normal(size=60)), strict=True)
    ]


def test_constants_come_back_without_noise():
    cost = fit_cost(fits())
    assert (cost.c0, cost.c1, cost.c2) == pytest.approx((0.5, 2.7e-7, 2.2e-4))
    assert cost.error < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_constants_come_back_from_a_busy_machine(seed):
    cost = fit_cost(fits(noise=0.15, seed=seed))
    assert 0.3 <= cost.c0 <= 0.7
    assert 2.3e-7 <= cost.c1 <= 3.2e-7
    assert cost.c2 == pytest.approx(2.2e-4, rel=0.15)
    assert 670 <= cost.break_even(1) <= 990
    assert 0.05 < cost.error < 0.2


def test_break_even_is_where_half_the_work_is_rows():
    rows = MEASURED.break_even(31)
    work = MEASURED.seconds(rows, 100, 31) - MEASURED.c0
    assert work == pytest.approx(2 * MEASURED.c1 * rows * 100)
    assert CostModel(1, 1e-7, 0, 0).break_even(31) == 0
    assert CostModel(1, 0, 1e-4, 0).break_even(31) == math.inf


def test_incomplete_fits_are_left_out_and_too_few_are_refused():
    incomplete = [Observation(100, 1.0, seconds=1.0), Observation(100, 1.0, rounds=3, leaves=4)]
    assert fit_cost([*fits(), *incomplete]) == fit_cost(fits())
    with pytest.raises(InsufficientPoints, match="there are 2"):
        fit_cost([*fits()[:2], *incomplete])


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_seconds_that_no_fit_takes_are_refused(seconds):
    with pytest.raises(DataError, match="above 0"):
        fit_cost([*fits(), Observation(100, 1.0, rounds=3, leaves=4, seconds=seconds)])


@given(st.lists(st.floats(0.01, 1000), min_size=3, max_size=12))
def test_no_constant_is_ever_negative(seconds):
    points = [
        Observation(100 * 3**k, 1.0, rounds=50 + k, leaves=8, seconds=s)
        for k, s in enumerate(seconds)
    ]
    cost = fit_cost(points)
    assert min(cost.c0, cost.c1, cost.c2) >= 0
    assert cost.seconds(1000, 10, 8) <= cost.seconds(2000, 10, 8)
