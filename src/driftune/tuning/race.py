"""Racing over folds: a trial that cannot win any more is stopped before its last fold.

The test is paired. On the folds that it has, a trial is compared with the incumbent on the same
folds; how far such a partial difference may be from the final one is measured on the completed
trials of the study, beside a prior that holds while they are few. Stopping needs the whole
prediction interval to lie on the losing side, so that one unlucky fold does not end a trial. In the
spirit of F-Race (Birattari et al., GECCO 2002), with a prediction interval in the place of a rank
test, which has no power on three to five folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST = 2  # completed trials before the first test
CONFIDENCE = 0.95  # one-sided
PRIOR = 0.02  # of the incumbent's loss: how far apart two configurations are from fold to fold
PRIOR_COUNT = 2  # how many completed trials the prior counts for


def predict_loss(
    completed: Sequence[Sequence[float]], partial: Sequence[float]
) -> tuple[float, bool]:
    """Predict the mean loss of a trial from its first folds, and whether it can still win.

    Args:
        completed: Fold losses of the completed trials, ``(n, k)``, lower is better, folds in the
            order in which they are raced.
        partial: Its losses on the first ``j < k`` folds.

    Returns:
        The predicted mean over all ``k`` folds, and whether it is, beyond noise, above that of the
        best completed trial. Never so with less than :data:`FEWEST` completed trials.

    >>> losses = [[1.0, 2.0, 3.0], [1.1, 2.2, 3.2], [1.2, 2.2, 3.3]]
    >>> predict_loss(losses, [1.5])
    (2.5, True)
    >>> predict_loss(losses, [1.1])
    (2.1, False)
    """
    if not completed:
        return float(np.mean(partial)), False
    losses = np.asarray(completed, dtype=float)
    means = losses.mean(axis=1)
    best = int(np.argmin(means))
    ahead = float(np.mean(np.asarray(partial) - losses[best, : len(partial)]))
    hopeless = len(losses) >= FEWEST and ahead > _reach(losses, best, len(partial))
    return float(means[best] + ahead), bool(hopeless)


def _reach(losses: NDArray[np.float64], best: int, n_folds: int) -> float:
    """How far behind the incumbent after ``n_folds`` a trial may be and still win, at most."""
    from scipy.stats import t

    others = np.delete(losses - losses[best], best, axis=0)
    early = others[:, :n_folds].mean(axis=1)
    miss = early - others.mean(axis=1)  # (n - 1,) what the first folds said, less what came true
    prior = PRIOR * abs(losses[best].mean())
    count = PRIOR_COUNT + len(miss)
    spread = np.sqrt((PRIOR_COUNT * prior**2 + np.sum(miss**2)) / count)
    return float(t.ppf(CONFIDENCE, count) * spread * np.sqrt(1 + 1 / count))
