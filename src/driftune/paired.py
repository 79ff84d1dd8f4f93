"""How much better one model is than another on the same rows, with an interval.

Both models are resampled on the same blocks of neighbouring rows, so what makes rows easy or hard
for both cancels: a difference of one per cent shows where two separate intervals overlap widely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftune.metrics import get_metric
from driftune.resampling import BlockDraws, Interval, block_length, percentile_interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.metrics import FloatArray, Metric

_NO_LOSS = 1e-12  # a loss below this counts as this, so that the ratio stays finite


def improvement(
    y: npt.ArrayLike,
    theirs: npt.ArrayLike,
    ours: npt.ArrayLike,
    *,
    metric: str | Metric,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return how much less ``ours`` loses than ``theirs``, relative: 0.1 = a tenth less.

    A paired circular block bootstrap; blocks are as long as the difference of the two models' row
    losses is autocorrelated (see `driftune.resampling.block_length`).

    Args:
        y: Targets (n,) in time order, none missing.
        theirs: Predictions of the model compared with, see `driftune.metrics` for shapes.
        ours: Predictions of the other model on the same rows.
        metric: Name, or the metric itself; relative is its loss (1 - score where greater is
            better).
        confidence: Of the two-sided percentile interval, in (0, 1).
        n_resamples: Bootstrap resamples.
        seed: The same seed gives the same interval.

    Raises:
        DataError: no rows, unequal lengths, predictions that are not finite, or a metric that is
            undefined on these rows.

    >>> rng = np.random.default_rng(0)
    >>> y, error = rng.normal(size=2000), rng.normal(size=2000)
    >>> gain = improvement(y, y + error, y + 0.9 * error, metric="rmse")
    >>> round(gain.value, 3), gain.low > 0
    (0.1, True)
    """
    metric = get_metric(metric) if isinstance(metric, str) else metric
    gain = metric.row_signal(y, theirs) - metric.row_signal(y, ours)
    draws = BlockDraws(len(gain), seed, n_resamples, block_length(gain))
    resampled = _relative(
        metric.resampled_losses(y, theirs, draws), metric.resampled_losses(y, ours, draws)
    )
    losses = np.array([metric.loss(y, theirs)]), np.array([metric.loss(y, ours)])
    return percentile_interval(resampled, float(_relative(*losses)[0]), confidence=confidence)


def _relative(theirs: FloatArray, ours: FloatArray) -> FloatArray:
    """Return how much less ``ours`` is, relative to ``theirs``."""
    relative: FloatArray = (theirs - ours) / np.maximum(theirs, _NO_LOSS)
    return relative
