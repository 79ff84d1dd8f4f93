"""What a search may still gain: the best score as a power law of the number of trials.

The rule of Optuna's terminators, "stop when the regret left is below the noise of the validation",
without their Gaussian process: they are deprecated since Optuna 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftune.scaling.curves.trials import FEWEST, fit_trials_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def predict_gain(losses: Sequence[float], pruned: int = 0, *, more: float | None = None) -> float:
    """Predict by how much more trials would lower the best loss.

    On 12, 20 and 50 draws from uniform, normal and chi-squared losses the median prediction for up
    to twice as many trials on top was 0.9 to 2.5 times the true gain: rather too much, so that a
    search is rather ended late.

    Args:
        losses: Of the completed trials, lower is better; at least one.
        pruned: Trials that could not win, and were stopped or are against a constraint.
        more: How many trials more; ``None`` for as many again.

    Returns:
        A gain in units of the loss, never negative; infinite for fewer than
        :data:`driftune.scaling.curves.trials.FEWEST` trials.
    """
    n = len(losses) + pruned
    if n < FEWEST:
        return float("inf")
    return fit_trials_curve(losses, pruned).gain(n, n + (n if more is None else more))


def paired_error(folds: ArrayLike) -> float:
    """Standard error of the difference between the best trial and the other good ones.

    Blocks of time differ in difficulty, alike for all trials; that is no noise in a choice between
    them, so that differences per fold are what counts. Of the best quarter, at least three trials,
    the median.

    Args:
        folds: ``(n, k)`` losses of the completed trials, one column per fold.

    Returns:
        In units of the loss; 0 for one fold or one trial, which tell nothing.
    """
    losses = np.asarray(folds, dtype=float)
    n, k = losses.shape
    if n < 2 or k < 2:
        return 0.0
    ranked = losses[np.argsort(losses.mean(axis=1), kind="stable")]
    others = ranked[1 : 1 + max(3, n // 4)] - ranked[0]
    return float(np.median(others.std(axis=1, ddof=1))) / float(np.sqrt(k))
