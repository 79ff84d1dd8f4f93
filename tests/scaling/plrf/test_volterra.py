"""The march against sums term by term, for modes that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.scaling.plrf.modes import Modes
from driftune.scaling.plrf.volterra import LossCurve, march, space_steps


def geometric(forcing: float, kernel: float, drop: float, floor: float = 1.0) -> Modes:
    return Modes(np.array([drop]), np.array([forcing]), np.array([kernel]), floor)


def test_one_mode_has_a_closed_form():
    drop, kernel, forcing = 0.02, 0.01, 3.0
    r = np.arange(401)
    rate = 1 - drop + kernel  # the noise slows the mode down
    limit = 1.0 / (1 - kernel / drop)
    expected = limit + (1.0 + forcing - limit) * rate**r
    assert march(geometric(forcing, kernel, drop), 400, 1).loss == pytest.approx(
        expected, rel=1e-11
    )


@given(st.floats(1e-15, 0.5), st.integers(1, 10**17))
@settings(max_examples=100, deadline=None)
def test_a_loss_that_stays_counts_as_often_as_there_are_steps(drop, horizon):
    steady = geometric(0.0, drop / 2, drop)  # noise adds up to half the loss
    rate = drop / 2
    expected = 2.0 + (1.0 - 2.0) * np.exp(horizon * np.log1p(-rate))
    assert march(steady, horizon, 1.02).loss[-1] == pytest.approx(expected, rel=1e-3)


def test_complex_modes_are_exact_where_one_minus_a_is_below_rounding():
    drop = np.array([1e-20 * (1 + 0.5j)])
    modes = Modes(drop, np.array([1 + 0j]), np.array([0j]), 0.0)
    assert modes.log_decay / drop == pytest.approx(-1.0, rel=1e-12)
    assert float(modes.forcing_at(1e20)) == pytest.approx((np.exp(-1 - 0.5j)).real, rel=1e-12)


@given(st.integers(1, 10**9), st.floats(1.001, 2))
def test_steps_run_from_zero_to_the_horizon(horizon, growth):
    steps = space_steps(horizon, growth)
    assert steps[0] == 0
    assert steps[-1] == horizon
    widths = np.diff(steps)
    assert np.all(widths >= 1)
    assert np.all(widths <= np.maximum(1, (growth - 1) * steps[:-1] + 1e-6))


def test_a_power_law_is_interpolated_as_one():
    steps = np.array([0.0, 99.0, 9999.0])
    curve = LossCurve(steps, (1 + steps) ** -0.5)
    assert float(curve.at(999.0)) == pytest.approx(1000**-0.5)
