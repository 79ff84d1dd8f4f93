"""A6, A7: best widths, their losses, and the exponents near and far."""

import math

import numpy as np
import pytest

from driftune.errors import UsageError
from driftune.scaling import PLRF, compute_optimal

# alpha, beta, (compute, best width, its loss) twice, xi and eta from 10^5.5
REFERENCE = {
    "Ia": (1.0, 0.3, (1e6, 225.5, 3.0882e-3), (1e8, 1096.9, 2.7474e-4), 0.3431, 0.5249),
    "Ib": (0.4, 0.3, (1e6, 1737.5, 0.59360), (1e8, 16954, 0.25042), 0.4960, 0.1867),
    "Ic": (0.2, 0.7, (1e6, 1486.8, 0.71400), (1e8, 18396, 0.32199), 0.5431, 0.1718),
    "II": (1.0, 0.7, (1e6, 408.3, 3.6407e-4), (1e8, 2684.9, 1.43588e-5), 0.4091, 0.7018),
    "III": (0.7, 1.2, (1e6, 1692.6, 8.1779e-4), (1e8, 17158, 4.37093e-5), 0.5049, 0.6360),
    "IVa": (0.45, 1.0, (1e6, 3637.5, 0.012905), (1e7, 14024, 4.41162e-3), 0.5845, 0.4656),
    "IVb": (0.27, 0.8, (1e6, 1986.3, 0.21923), (1e7, 7598.3, 0.11637), 0.5828, 0.2760),
}
WIDTHS = 16 * 2 ** (np.arange(23) / 2)
phases = pytest.mark.parametrize("phase", REFERENCE)


@phases
def test_a6_best_widths_and_losses(phase):
    alpha, beta, *points, _, _ = REFERENCE[phase]
    compute, d_star, loss_star = np.transpose(points)
    found = compute_optimal(alpha, beta, compute, WIDTHS)
    assert found.d_star == pytest.approx(d_star, rel=0.05)
    assert found.loss_star == pytest.approx(loss_star, rel=0.01)


@phases
def test_a7_exponents_at_everyday_compute(phase):
    alpha, beta, _, _, xi, eta = REFERENCE[phase]
    widths = 64 * 2 ** (np.arange(23) / 2)
    end = 7.5 if phase.startswith("IV") else 8.5  # beyond, the best width left the reference's grid
    compute = np.geomspace(10**5.5, 10**end, 13)
    found = compute_optimal(alpha, beta, compute, widths, growth=1.05)
    assert (found.xi, found.eta) == pytest.approx((xi, eta), abs=0.006)


@pytest.mark.parametrize(("alpha", "beta"), [*(row[:2] for row in REFERENCE.values()), (0.4, 0.8)])
def test_a7_exponents_far_out_are_those_of_theory(alpha, beta):
    xi, eta = PLRF(alpha, beta, 1).exponents()
    octaves = np.arange(math.log2(1e15) * xi - 3, math.log2(1e20) * xi + 6, 0.5)
    found = compute_optimal(alpha, beta, np.geomspace(1e15, 1e20, 6), 2**octaves, growth=1.1)
    assert (found.xi, found.eta) == pytest.approx((xi, eta), abs=0.015)


def test_the_best_width_is_no_worse_than_its_neighbours():
    found = compute_optimal(1.0, 0.7, [1e7], WIDTHS)
    (d_star,), (loss_star,) = found.d_star, found.loss_star
    for d in (d_star, 0.8 * d_star, 1.25 * d_star):
        loss = PLRF(1.0, 0.7, d).loss_curve(math.ceil(1e7 / d)).loss[-1]
        assert loss == pytest.approx(loss_star, rel=2e-3) if d == d_star else loss > loss_star
    assert math.isnan(found.xi) and math.isnan(found.eta)  # one point makes no slope


def test_a_batch_spends_compute_like_steps():
    alone = compute_optimal(1.0, 0.3, [1e7], WIDTHS[4:16], lr=0.05)
    together = compute_optimal(1.0, 0.3, [1e7], WIDTHS[4:16], lr=0.05, batch=4)
    assert together.loss_star == pytest.approx(alone.loss_star, rel=0.2)


@pytest.mark.parametrize("compute", [1e3, 1e15])
def test_a_best_width_outside_the_grid_is_refused(compute):
    with pytest.raises(UsageError, match="widen d_grid"):
        compute_optimal(1.0, 0.3, [compute], WIDTHS[10:16])


@pytest.mark.parametrize("widths", [[10, 20], [30, 20, 10]])
def test_widths_come_in_order(widths):
    with pytest.raises(UsageError, match="d_grid"):
        compute_optimal(1.0, 0.3, [1e6], widths)


@pytest.mark.parametrize("compute", [[], [0.0], [-1.0], [math.inf]])
def test_compute_is_positive(compute):
    with pytest.raises(UsageError, match="f_grid"):
        compute_optimal(1.0, 0.3, compute, WIDTHS)
