"""A10: the power laws with their constants, at d = 1e5 in the middle of their window."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from driftune.errors import UsageError
from driftune.scaling import PLRF
from driftune.scaling.plrf.asymptotics import find_kappa

D = 1e5


def middle(model: PLRF) -> float:
    """Return the steps at which ``2 lr r`` is the geometric mean of 1 and ``d^(2 alpha)``."""
    return model.d**model.alpha / (2 * model.lr)


def test_a10_features_still_to_learn():
    model = PLRF(1.0, 0.3, D)
    r = middle(model)
    learned = float(model.forcing(r)) - model.capacity_floor()
    assert learned / float(model.asymptotic_terms(r).f_pp) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("beta", [0.3, 0.7])
def test_a10_noise(beta):
    model = PLRF(1.0, beta, D)
    r = middle(model)
    ratio = float(model.kernel(r)) / float(model.asymptotic_terms(r).k_pp)
    assert ratio == pytest.approx(1.0, abs=0.005)


def test_a10_interfering_features():
    model = PLRF(1.0, 0.7, D)
    r = middle(model)
    terms = model.asymptotic_terms(r)
    learned = float(model.forcing(r)) - model.capacity_floor()
    assert float(terms.f_pp + terms.f_ac) / learned == pytest.approx(1.01, abs=0.02)


KAPPA = {1.0: 0.5152, 0.7: 0.4625, 0.4: 0.4110, 0.27: 0.3888, 0.2: 0.3764}


@pytest.mark.parametrize(("alpha", "kappa"), KAPPA.items())
def test_a10_resolution(alpha, kappa):
    assert find_kappa(alpha, 4.0) == pytest.approx(kappa, abs=6e-5)
    resolution = find_kappa(alpha, 4.0) * D ** (2 * alpha)
    assert PLRF(alpha, 0.8, D).tau0() == pytest.approx(resolution, rel=1e-3)


@pytest.mark.parametrize(("alpha", "ratio"), [(0.2, 2), (0.45, 50), (1.5, 1.01), (0.8, math.inf)])
def test_kappa_solves_its_equation(alpha, ratio):
    kappa = find_kappa(alpha, ratio)
    whole, _ = quad(lambda u: kappa / (kappa + u ** (2 * alpha)), 0, ratio, limit=500)
    assert whole == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(1.0, 0.3), (0.4, 0.3), (1.0, 0.7), (0.7, 1.2), (0.45, 1.0)]
)
def test_floor_tends_to_its_power_law(alpha, beta):
    near, far = (PLRF(alpha, beta, d) for d in (1e3, 1e8))
    off = [float(m.asymptotic_terms(1.0).f_0) / m.capacity_floor() - 1 for m in (near, far)]
    assert abs(off[1]) < 0.03
    assert abs(off[1]) <= abs(off[0]) + 1e-6


def test_terms_that_never_dominate_are_zero():
    steps = np.array([10.0, 1000.0])
    assert not PLRF(1.0, 0.3, D).asymptotic_terms(steps).f_ac.any()
    assert not PLRF(0.2, 0.7, D).asymptotic_terms(steps).k_pp.any()
    assert PLRF(0.2, 0.7, D).asymptotic_terms(steps).f_0.shape == (2,)


@pytest.mark.parametrize(("alpha", "beta"), [(0.2, 0.2), (1.0, 0.5)])
def test_without_a_power_law_there_are_no_terms(alpha, beta):
    with pytest.raises(UsageError, match="power law"):
        PLRF(alpha, beta, 100).asymptotic_terms(10)
