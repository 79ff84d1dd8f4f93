"""Two models on the same rows: the pairing is what makes small differences visible."""

import numpy as np
import pytest

from driftune.errors import DataError
from driftune.paired import improvement


def pair(seed, factor=1.0, n=2000):
    """Errors of two models that share most of what makes a row hard."""
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 30, size=n)
    shared = 5 * rng.normal(size=n)
    own = rng.normal(size=(2, n))
    return y, y + shared + own[0], y + factor * (shared + own[1])


def test_the_sign_says_who_is_better():
    y, theirs, ours = pair(0, 0.9)
    better = improvement(y, theirs, ours, metric="rmse")
    worse = improvement(y, ours, theirs, metric="rmse")
    assert 0 < better.low < better.value < better.high < 0.2
    assert worse.high < 0


def test_a_model_gains_nothing_over_itself():
    y, theirs, _ = pair(1)
    gain = improvement(y, theirs, theirs, metric="rmse")
    assert (gain.low, gain.value, gain.high) == (0, 0, 0)


def test_the_interval_of_equal_models_misses_zero_as_rarely_as_stated():
    missed = 0
    for seed in range(200):
        gain = improvement(*pair(seed, n=400), metric="rmse", n_resamples=300)
        missed += not gain.low <= 0 <= gain.high
    assert missed <= 20  # 5 % of 200 are 10; 21 or more has a chance below 1 in 1000


def test_pairing_sees_what_two_separate_intervals_would_not():
    y, theirs, ours = pair(2, 0.97)
    width = improvement(y, theirs, ours, metric="rmse")
    alone = improvement(y, theirs, ours[::-1] - y[::-1] + y, metric="rmse")
    assert width.high - width.low < 0.5 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same_interval():
    rows = pair(3)
    assert improvement(*rows, metric="mae", seed=4) == improvement(*rows, metric="mae", seed=4)
    assert improvement(*rows, metric="mae", seed=4) != improvement(*rows, metric="mae", seed=5)


def test_rows_without_a_label_are_the_callers_to_leave_out():
    y, theirs, ours = pair(4)
    y[0] = np.nan
    with pytest.raises(DataError):
        improvement(y, theirs, ours, metric="rmse")
