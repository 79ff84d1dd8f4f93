"""Joint curves: Chinchilla's constants come back, and so does the split of compute."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import DataError, InsufficientPoints, UsageError
from driftune.scaling.curves.joint import fit_joint
from driftune.scaling.curves.observation import Observation

# Hoffmann et al. 2022, approach 3. Rows are their D (410.7, .28), sizes their N (406.4, .34).
E, A, a, B, b = 1.69, 410.7, 0.28, 406.4, 0.34
TOKENS = [round(n) for n in np.geomspace(1e9, 1e11, 6)]
WEIGHTS = [round(m) for m in np.geomspace(1e8, 1e10, 6)]


def chinchilla(rows, size):
    return E + A * rows**-a + B * size**-b


def grid(noise=0.0, rng=None, rows=TOKENS, sizes=WEIGHTS):
    """A full grid of observations with relative noise."""
    factors = iter(1 + noise * rng.normal(size=len(rows) * len(sizes))) if rng else None
    return [
        Observation(n, chinchilla(n, m) * (next(factors) if factors else 1.0), rounds=m)
        for n in rows
        for m in sizes
    ]


def test_five_constants_come_back_from_a_grid_without_noise():
    curve = fit_joint(grid(), n_boot=2)
    found = (curve.E, curve.A, curve.a, curve.B, curve.b)
    assert found == pytest.approx((E, A, a, B, b), rel=1e-4)
    assert curve.usable


def test_compute_is_split_as_chinchilla_splits_it():
    rows, size, loss = fit_joint(grid(), n_boot=2).compute_optimal(1e21)
    assert rows == pytest.approx(9.136e10, rel=1e-3)
    assert size == pytest.approx(1.824e9, rel=1e-3)
    assert loss == pytest.approx(2.32888, abs=1e-4)
    assert 6 * rows * size == pytest.approx(1e21)


@pytest.mark.slow  # fifty surfaces with 60 draws each: it takes many to measure a coverage
def test_ten_times_further_in_both_is_foreseen_with_an_honest_interval():
    rng, truth = np.random.default_rng(0), chinchilla(1e12, 1e11)
    found = [fit_joint(grid(0.01, rng), n_boot=60, seed=k).predict(1e12, 1e11) for k in range(50)]
    errors = np.array([one.loss / truth - 1 for one in found])
    assert abs(errors.mean()) < 0.015
    assert errors.std() < 0.025
    assert 0.8 <= np.mean([one.low <= truth <= one.high for one in found]) <= 1
    assert np.median([(one.high - one.low) / truth for one in found]) < 0.1


def test_a_surface_that_did_not_foresee_the_largest_rows_is_not_usable():
    points = [
        replace(point, loss=point.loss * (1.3 if point.rows == TOKENS[-1] else 1))
        for point in grid()
    ]
    curve = fit_joint(points, n_boot=2)
    assert not curve.usable
    assert curve.held_out_error == pytest.approx(1 - 1 / 1.3, rel=0.01)


def test_several_numbers_of_leaves_are_refused():
    with pytest.raises(DataError, match="several numbers of leaves"):
        fit_joint([*grid(), Observation(100, 3.0, rounds=10, leaves=31)])


def test_too_small_a_grid_is_refused_with_its_size():
    with pytest.raises(InsufficientPoints, match="there are 18, 3 and 6"):
        fit_joint(grid(rows=TOKENS[:3]))
    with pytest.raises(InsufficientPoints, match="there are 0"):
        fit_joint([Observation(100, 1.0)])


def test_rows_that_do_not_matter_get_no_weight():
    flat = [
        Observation(n, 1 + 5 * m**-0.5, rounds=m) for n in (100, 200, 400, 800) for m in (4, 16, 64)
    ]
    curve = fit_joint(flat, n_boot=2)
    assert curve.predict(1e5, 64).loss == pytest.approx(1.625, rel=1e-3)


@pytest.mark.parametrize(("term", "said"), [("A", "with rows"), ("B", "with size")])
def test_nothing_is_traded_where_one_term_is_missing(term, said):
    curve = replace(fit_joint(grid(), n_boot=2), **{term: 0.0})
    with pytest.raises(DataError, match=said):
        curve.compute_optimal(1e21)


def test_numbers_that_mean_nothing_are_refused():
    curve = fit_joint(grid(), n_boot=2)
    with pytest.raises(UsageError):
        curve.predict(0, 10)
    with pytest.raises(UsageError):
        curve.compute_optimal(-1)
    with pytest.raises(UsageError):
        fit_joint(grid(), level=2)


@settings(max_examples=10, deadline=None)
@given(compute=st.floats(1e18, 1e24), factor=st.floats(0.5, 2))
def test_no_other_split_of_the_same_compute_is_better(compute, factor):
    curve = fit_joint(grid(), n_boot=2)
    rows, size, loss = curve.compute_optimal(compute)
    assert curve.predict(rows * factor, size / factor).loss >= loss * (1 - 1e-12)
