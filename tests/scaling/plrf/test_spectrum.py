"""Sums over the spectrum against sums term by term, and the Riemann zeta function."""

import math

import numpy as np
import pytest
from scipy.special import zeta

from driftune.scaling.plrf.spectrum import EXACT, power_law


@pytest.mark.parametrize("v", [7, EXACT, EXACT + 1, EXACT + 37, 300_000])
@pytest.mark.parametrize("alpha", [0.1, 0.45, 1.0])
def test_sums_agree_with_sums_term_by_term(alpha, v):
    j = np.arange(1.0, v + 1)
    lam, energy = j ** (-2 * alpha), j ** (-2 * alpha - 1.4)
    spectrum = power_law(alpha, 0.7, d=100, v=v)
    for tau in (0.0, 30.0, 3e4):
        exact = np.sum(lam / (1 + tau * lam))
        assert spectrum.count @ (spectrum.values / (1 + tau * spectrum.values)) == pytest.approx(
            exact, rel=1e-10
        )
    assert spectrum.variance == pytest.approx(energy.sum(), rel=1e-10)


@pytest.mark.parametrize("alpha", [0.55, 0.8, 2.0])
def test_infinitely_many_features(alpha):
    spectrum = power_law(alpha, 0.3, d=1000, v=math.inf)
    assert spectrum.trace == pytest.approx(zeta(2 * alpha), rel=1e-10)
    assert spectrum.variance == pytest.approx(zeta(2 * alpha + 0.6), rel=1e-10)


def test_a_trillion_features_cost_what_ten_thousand_do():
    few, many = power_law(0.4, 0.8, d=1e4, v=4e4), power_law(0.4, 0.8, d=2.5e11, v=1e12)
    assert len(many.values) < 1.5 * len(few.values)
    integral = (1e12 + 0.5) ** 0.2 / 0.2 + zeta(0.8)  # Euler and Maclaurin
    assert many.trace == pytest.approx(integral, rel=1e-10)
