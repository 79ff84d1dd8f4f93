"""What a race over rungs of rows is worth: how good its winner is, in configurations looked at.

Few rows rank configurations, but not perfectly. Many on few rows, of which the best climb, are
worth as much as some smaller number on all rows; that number is compared with how many all rows
allow in the same time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# Spearman correlation of the loss on a share of the rows with that on all of them, LightGBM: the
# mean of 24,000 rows of a synthetic regression (.12, .43, .57, .76, .79) and of 93,000 flights
# (a ninth .80, a third .95).
SHARES = (0.03, 0.06, 1 / 9, 0.25, 1 / 3, 1.0)
CORRELATIONS = (0.2, 0.45, 0.68, 0.82, 0.87, 1.0)
DRAWS = 2_000  # races that are simulated; the number found is then good to three per cent
NUMBERS = 4_000_000  # that are drawn at most: 32 MB
SEED = 0


def rank_correlation(share: float) -> float:
    """How well a share of the rows ranks configurations, in [0, 1].

    >>> rank_correlation(1.0), round(rank_correlation(1 / 9), 2)
    (1.0, 0.68)
    """
    return float(np.interp(math.log(share), np.log(SHARES), CORRELATIONS))


def worth_in_trials(configs: Sequence[int], parts: Sequence[int]) -> float:
    """Return how many configurations on all rows would find as good a one as a race over rungs.

    True losses are normal, and those of a rung correlate with them by :func:`rank_correlation`;
    the best of a rung climb. The mean true rank of the winner is simulated, and turned into a
    number by Blom's formula for the least of ``K`` normal numbers.

    Args:
        configs: On each rung, the lowest first.
        parts: One over the share of rows of each rung; the last is 1.

    Returns:
        0 where nothing reaches the top.

    >>> worth_in_trials([12], [1])
    12.0
    >>> 4 < worth_in_trials([9, 3, 1], [9, 3, 1]) < 8
    True
    """
    if configs[-1] < 1:
        return 0.0
    if len(configs) == 1:
        return float(configs[0])
    rng = np.random.default_rng(SEED)
    races = max(10, min(DRAWS, NUMBERS // configs[0]))
    truth = rng.standard_normal((races, configs[0]))
    for climbing, part in zip((*configs[1:], 1), parts, strict=True):
        r = rank_correlation(1 / part)
        seen = r * truth + math.sqrt(1 - r * r) * rng.standard_normal(truth.shape)
        kept = np.argpartition(seen, climbing - 1, axis=1)[:, :climbing]
        truth = np.take_along_axis(truth, kept, axis=1)
    return min(_least_of(float(truth.mean())), float(configs[0]))


def _least_of(value: float) -> float:
    """Of how many standard normal numbers this is the expected least (Blom 1958)."""
    below = 0.5 * math.erfc(value / math.sqrt(2))  # share of numbers above it
    return max(1.0, (0.375 + 0.25 * below) / max(1 - below, 1e-9))
