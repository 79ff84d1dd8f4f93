"""The fits find the exponents of losses whose exponents are known: those of PLRF (spec 5.3 a)."""

import numpy as np
import pytest

from driftune.scaling import PLRF, Observation, compute_optimal, fit_joint, fit_learning_curve


def a_curve(low, high):
    model = PLRF(1.0, 0.3, d=400)
    steps = np.geomspace(low, high, 12)
    points = [
        Observation(round(t), float(loss), 1e-3 * float(loss))
        for t, loss in zip(steps, model.loss_curve(high).at(steps), strict=True)
    ]
    return model, fit_learning_curve(points, families=("pow3",))


def test_a_learning_curve_finds_the_exponent_of_a_loss_curve():
    _, curve = a_curve(30, 3000)
    assert curve.slope()[1] == pytest.approx(0.8, abs=0.03)  # F_pp: (2 alpha+2 beta-1)/(2 alpha)


def test_a_learning_curve_finds_the_floor_of_a_loss_curve():
    model, curve = a_curve(100, 200_000)
    assert curve.families[0].params["E"] == pytest.approx(model.limit_loss(), rel=0.1)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.3), (1.0, 0.7), (0.7, 1.2)])
def test_a_learning_curve_finds_the_slope_of_the_compute_optimal_frontier(alpha, beta):
    compute = np.geomspace(1e6, 1e9, 8)
    found = compute_optimal(alpha, beta, compute, [2**k for k in range(4, 21)])
    points = [
        Observation(round(f), float(loss), 0.01 * float(loss))
        for f, loss in zip(compute, found.loss_star, strict=True)
    ]
    curve = fit_learning_curve(points, families=("pow3",))
    eta = PLRF(alpha, beta, d=100).exponents().eta
    assert curve.slope()[1] == pytest.approx(eta, abs=0.03)


def test_a_joint_fit_tells_steps_from_width():
    alpha, beta = 1.0, 0.3
    points, steps = [], np.geomspace(100, 30_000, 6)
    for d in (50, 80, 120, 180, 270, 400):
        curve = PLRF(alpha, beta, d=d).loss_curve(30_000)
        points += [
            Observation(round(t), float(loss), rounds=d)
            for t, loss in zip(steps, curve.at(steps), strict=True)
        ]
    joint = fit_joint(points, n_boot=10)
    assert joint.a == pytest.approx(0.8, abs=0.05)  # of F_pp: (2 alpha + 2 beta - 1) / (2 alpha)
    assert joint.b == pytest.approx(1.6, abs=0.15)  # of F_0: 2 alpha - max(0, 1 - 2 beta)
