"""The 90 per cent intervals of learning curves hold the truth, and are narrow enough to be used."""

import numpy as np
import pytest

from driftune.scaling.curves.learning_curve import fit_learning_curve
from driftune.scaling.curves.observation import Observation

CURVES, FACTORS = 60, (4, 8)
PILOTS = [500 * 2**k for k in range(6)]


def draw_truth(rng):
    """A loss in units of its floor, of rows in units of the largest pilot: pow4 or mmf4."""
    if rng.random() < 0.5:
        a, c, excess = rng.uniform(0.2, 1), rng.uniform(0, 0.2), rng.uniform(0.05, 1)
        return lambda u: 1 + excess * ((u + c) / (1 + c)) ** -a
    d, half = rng.uniform(0.3, 1.2), np.exp(rng.uniform(np.log(0.02), 0))
    excess = rng.uniform(0.1, 1)  # at the largest pilot
    return lambda u: 1 + excess * (1 + half**-d) / (1 + (u / half) ** d)


def draw_stranger(rng):
    """A loss that none of the families can follow: two power laws, the slower one last."""
    x, y, a, b = rng.uniform([0.1, 0.05, 0.2, 0.5], [0.5, 0.2, 0.5, 0.9])
    return lambda u: 1 + x * u**-a + y * u**-b


def draw_pilots(truth, noise, known, rng):
    """Pilots whose standard error falls like 1 / sqrt(rows)."""
    u = np.array(PILOTS) / PILOTS[-1]
    se = noise * truth(1) / np.sqrt(u)
    losses = truth(u) + se * rng.normal(size=len(u))
    return [
        Observation(n, loss, se=e if known else None)
        for n, loss, e in zip(PILOTS, losses, se, strict=True)
    ]


def judge(curve, truth, factor):
    """Is the truth inside, is the gain's, how wide is the interval, is last value worse?"""
    rows, end = PILOTS[-1] * factor, truth(factor)
    one, gain = curve.predict(rows), curve.gain(PILOTS[-1], rows)
    return (
        one.low <= end <= one.high,
        gain.low <= truth(1) - end <= gain.high,
        (one.high - one.low) / end,
        abs(one.loss - end) < abs(curve.last_value - end),
    )


def measure(draw, known, seed=0):
    """Judge a prediction at each factor for CURVES curves: factor -> (CURVES, 4)."""
    rng, found = np.random.default_rng(seed), {factor: [] for factor in FACTORS}
    for k in range(CURVES):
        truth = draw(rng)
        curve = fit_learning_curve(draw_pilots(truth, 0.005, known, rng), n_boot=60, seed=k)
        for factor in FACTORS:
            found[factor].append(judge(curve, truth, factor))
    return {factor: np.array(rows, dtype=float) for factor, rows in found.items()}


@pytest.mark.slow  # 60 curves with 60 draws each: it takes many curves to measure a coverage
@pytest.mark.parametrize("known", [True, False], ids=["given_se", "from_residuals"])
def test_intervals_hold_the_truth_and_are_narrow_enough_to_be_used(known):
    found = measure(draw_truth, known)
    for factor, widest in zip(FACTORS, (0.25, 0.4), strict=True):  # of the loss
        inside, gain_inside, width, better = found[factor].T
        assert 0.8 <= inside.mean() <= 1
        assert 0.8 <= gain_inside.mean() <= 1
        assert np.median(width) < widest
        assert better.mean() >= 0.9


@pytest.mark.slow  # as above
def test_a_shape_outside_the_families_costs_some_coverage_but_not_most():
    found = measure(draw_stranger, known=True)
    for factor in FACTORS:
        inside, gain_inside, _, better = found[factor].T
        assert inside.mean() >= 0.7
        assert gain_inside.mean() >= 0.7
        assert better.mean() >= 0.9
