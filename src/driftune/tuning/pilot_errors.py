"""How far off the losses of pilots may be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from driftune.tuning.search_curve import paired_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from driftune.scaling import Observation
    from driftune.tuning.pilot_run import PilotRun

LEAST = 0.1  # of the mean over folds: a fold without any loss has no logarithm


def with_errors(run: PilotRun, factor: float) -> list[Observation]:
    """Scale the losses to all validation rows, and say how far off each may be."""
    sizes = [part for part in run.folds.parts if run.ranked(part)]
    best = [run.losses[part, run.ranked(part)[0]] for part in sizes]
    error = relative_error(np.array(best), [run.folds.rows(part) for part in sizes])
    se = None if error is None else error * factor
    return [
        replace(p, loss=p.loss * factor, se=None if se is None else se * p.loss) for p in run.points
    ]


def relative_error(losses: NDArray[np.float64], rows: Sequence[int]) -> float | None:
    """Standard error of a mean over folds, relative, that is noise of the learning curve.

    Folds differ in difficulty, and in how fast they fall with the rows, alike on all sizes: that is
    no noise. What is left of the logarithms once each size has its own level and each fold its own
    straight line is.

    Args:
        losses: ``(sizes, folds)``, of the best configuration of each size.
        rows: Training rows of each size.

    Returns:
        ``None`` for fewer than three sizes or two folds, which tell nothing, and for a size without
        any loss.
    """
    sizes, folds = losses.shape
    if sizes < 3 or folds < 2:
        return None
    means = losses.mean(axis=1, keepdims=True)
    if not means.all():
        return None
    left = np.log(np.maximum(losses, LEAST * means))
    left = left - left.mean(axis=1, keepdims=True)
    x = np.log(rows) - np.mean(np.log(rows))
    left = left - left.mean(axis=0) - np.outer(x, x @ left) / (x @ x)
    spread = math.sqrt(float(np.sum(left**2)) / ((folds - 1) * (sizes - 2)))
    return spread / math.sqrt(folds)


def noise_of(run: PilotRun) -> float | None:
    """Standard error of the difference between two good configurations.

    Of all sizes with several of them the median, as a share of the loss: one pair tells little.
    """
    sizes = [part for part in run.folds.parts if len(run.ranked(part)) > 1]
    if not sizes:
        return None
    shares = []
    for part in sizes:
        folds = np.array([run.losses[part, name] for name in run.ranked(part)])
        if folds[0].any():
            shares.append(paired_error(folds) / float(folds[0].mean()))
    largest = min(part for part in run.folds.parts if run.ranked(part))
    best = float(np.mean(run.losses[largest, run.ranked(largest)[0]]))
    return float(np.median(shares or [0.0])) * best or None
