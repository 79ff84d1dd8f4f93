"""A1: the table of phases and exponents, and how it continues across the lines."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.scaling.plrf.phases import PLATEAU_LINE, exponents_of, phase_of

TABLE = [
    ("Ia", 1.0, 0.3, 1 / 3, 1.6 / 3),
    ("Ib", 0.4, 0.3, 0.5, 0.2),
    ("Ic", 0.2, 0.7, 0.8 / 1.44, 0.16 / 0.72),
    ("II", 1.0, 0.7, 0.7 / 1.7, 2.4 / 3.4),
    ("III", 0.7, 1.2, 0.5, 1.8 / 2.8),
    ("IVa", 0.45, 1.0, 0.5, 0.45),
    ("IVa", 0.4, 0.8, 0.5, 0.4),
    ("IVb", 0.27, 0.8, 0.53 / 0.898, 0.46 * 1.14 / 1.796),
]
STEP = 1e-9


@pytest.mark.parametrize(("phase", "alpha", "beta", "xi", "eta"), TABLE)
def test_a1_the_table(phase, alpha, beta, xi, eta):
    assert phase_of(alpha, beta) == phase
    assert exponents_of(alpha, beta) == pytest.approx((xi, eta), rel=1e-12)


LINES = [  # the point on the line, the direction across it, the phases on either side
    ((0.5, 0.3), (1, 0), "Ib", "Ia"),
    ((0.9, 0.5), (0, 1), "Ia", "II"),
    ((0.8, 0.8), (-1, 1), "II", "III"),
    ((0.5, 0.9), (1, 0), "IVa", "III"),
    ((PLATEAU_LINE, 0.8), (1, 0), "IVb", "IVa"),
    ((0.25, 0.8), (1, 0), "Ic", "IVb"),
    ((0.2, 0.5), (0, 1), "Ib", "Ic"),
    ((0.27, 0.5), (0, 1), "Ib", "IVb"),
    ((0.4, 0.5), (0, 1), "Ib", "IVa"),
]


@pytest.mark.parametrize(("point", "across", "before", "after"), LINES)
def test_a1_exponents_continue_across_the_lines(point, across, before, after):
    (x, y), (dx, dy) = point, across
    left, right = (x - STEP * dx, y - STEP * dy), (x + STEP * dx, y + STEP * dy)
    assert (phase_of(*left), phase_of(*right)) == (before, after)
    assert exponents_of(*left).eta == pytest.approx(exponents_of(*right).eta, abs=1e-7)
    if after != "IVa" or before != "IVb":
        assert exponents_of(*left).xi == pytest.approx(exponents_of(*right).xi, abs=1e-7)


def test_a1_xi_jumps_between_iva_and_ivb_alone():
    assert exponents_of(PLATEAU_LINE + STEP, 0.8).xi == 0.5
    assert exponents_of(PLATEAU_LINE - STEP, 0.8).xi == pytest.approx(0.604795, abs=1e-6)


def test_below_the_last_line_there_is_no_power_law():
    assert phase_of(0.25, 0.25) == "none"
    assert all(math.isnan(exponent) for exponent in exponents_of(0.1, 0.3))


@given(st.floats(0.01, 3), st.floats(0.01, 3))
def test_exponents_share_the_compute_and_loss_falls(alpha, beta):
    xi, eta = exponents_of(alpha, beta)
    if phase_of(alpha, beta) == "none":
        assert math.isnan(xi) and math.isnan(eta)
    else:
        assert 0 < xi < 1
        assert 0 < eta < 1
