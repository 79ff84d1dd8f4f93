"""R18: an equal challenger is promoted in at most alpha, one better by two points with power 0.8.

The rows that this takes are those that the docstring of `Gate` states.
"""

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binom

from driftune.promotion import Gate

GATE = Gate(n_resamples=300)  # the defaults, but for fewer resamples
ALPHA = (1 - GATE.confidence) / 2
ALIKE = 0.9  # correlation of the two models' errors, or of their scores within a class


def rmse(rng, n, gain):
    """Targets and two predictions; the challenger's errors are smaller by the share ``gain``."""
    y = rng.normal(100, 30, size=n)
    ours, theirs = alike(rng, n)
    return y, y + (1 - gain) * ours, y + theirs


def accuracy(rng, n, gain, disagree=0.1, base=0.8):
    """Two classifiers that are right on 80 % (and more by ``gain``), and disagree on a tenth."""
    y = (rng.random(n) < 0.5).astype(float)
    ours, theirs = (disagree + gain) / 2, (disagree - gain) / 2  # alone right
    both, place = base - theirs, rng.random(n)
    right = place < both + ours, (place < both) | (place >= both + ours) & (place < both + disagree)
    return y, *(np.where(side == (y == 1), 0.9, 0.1) for side in right)


def roc_auc(rng, n, gain):
    """Two classifiers with an AUC of 0.80 (and more by ``gain``)."""
    y = (rng.random(n) < 0.3).astype(float)
    lifts = [2**0.5 * NormalDist().inv_cdf(auc) for auc in (0.8 + gain, 0.8)]
    return y, *(
        1 / (1 + np.exp(-(lift * y + noise)))
        for lift, noise in zip(lifts, alike(rng, n), strict=True)
    )


def alike(rng, n):
    shared, *own = rng.normal(size=(3, n))
    return [ALIKE**0.5 * shared + (1 - ALIKE) ** 0.5 * one for one in own]


def promoted(streams, n, gain, repeats):
    """How many of some seeded challengers pass."""
    return sum(
        GATE.judge(
            *streams(np.random.default_rng([seed, n]), n, gain), metric=streams.__name__
        ).promoted
        for seed in range(repeats)
    )


@pytest.mark.parametrize(
    ("streams", "n", "repeats"), [(rmse, 1000, 500), (accuracy, 1000, 500), (roc_auc, 500, 100)]
)
def test_an_equal_challenger_is_promoted_in_at_most_alpha(streams, n, repeats):
    most = binom.ppf(0.999, repeats, ALPHA)  # a gate that keeps alpha exceeds it once in a thousand
    assert promoted(streams, n, 0.0, repeats) <= most


@pytest.mark.parametrize(
    ("streams", "n", "repeats"), [(rmse, 4500, 200), (accuracy, 2200, 200), (roc_auc, 1200, 60)]
)
def test_two_points_are_seen_with_power_at_the_stated_number_of_rows(streams, n, repeats):
    assert promoted(streams, n, 0.02, repeats) >= 0.8 * repeats
    assert f"{n:,}" in Gate.__doc__


def test_the_streams_are_what_they_say():
    rng = np.random.default_rng(0)
    y, ours, theirs = accuracy(rng, 200_000, 0.02)
    right = [((side > 0.5) == (y == 1)) for side in (ours, theirs)]
    assert [round(float(one.mean()), 2) for one in right] == [0.82, 0.8]
    assert round(float((right[0] != right[1]).mean()), 2) == 0.1
    y, ours, theirs = rmse(rng, 200_000, 0.02)
    assert round(float(np.corrcoef(ours - y, theirs - y)[0, 1]), 2) == ALIKE
    assert round(float(np.std(ours - y) / np.std(theirs - y)), 2) == 0.98
