"""The best schedule of retrainings in hindsight: what no policy can beat with as many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from driftune.metrics import FloatArray


def best_schedule(losses: FloatArray, most: int | None = None) -> tuple[int, ...]:
    """Return the batches after which to retrain so that the summed loss is smallest.

    Exact, by dynamic programming over (retrainings used, last retraining): with f[k, i] the least
    loss of the batches before model i serves, model i being the k-th retraining, f[k, j] is the
    minimum over i < j of f[k - 1, i] plus what model i loses until model j takes over. Time grows
    with ``most * n ** 2``.

    Args:
        losses: (n, n); ``losses[i, j]`` is the loss of the model that knows everything through
            period i in period j + 1, for j >= i; model 0 is the one that is there at the start.
            NaN counts as nothing: that period cannot be measured.
        most: At most so many retrainings; None = as many as help.

    Returns:
        The i of each retraining, ascending, without model 0; of two equal schedules the one with
        fewer.

    Model 0 is bad from period 2 on, model 1 is as bad, and model 2 is good:

    >>> losses = np.array([[1.0, 9, 9, 9], [0, 9, 9, 9], [0, 0, 1, 1], [0, 0, 0, 1]])
    >>> best_schedule(losses, 1), best_schedule(losses, 0)
    ((2,), ())
    """
    n = len(losses)
    served = np.cumsum(np.nan_to_num(np.triu(losses)), axis=1)
    until = np.hstack([np.zeros((n, 1)), served])  # [i, j]: what model i loses before period j + 1
    least = np.full(n, np.inf)
    least[0] = 0.0
    came_from: list[np.ndarray[tuple[int], np.dtype[np.intp]]] = []
    best, chosen = until[0, n], (0, 0)  # (retrainings, the last of them)
    for used in range(1, min(n - 1, n if most is None else most) + 1):
        # [i, j]: model i served until model j took over
        change = least[:, None] + until[:, :n] - until[np.arange(n), np.arange(n)][:, None]
        change[np.tril_indices(n)] = np.inf
        came_from.append(change.argmin(axis=0))
        least = change.min(axis=0)
        total = least + until[:, n] - until[np.arange(n), np.arange(n)]
        if total.min() < best - 1e-12:
            best, chosen = total.min(), (used, int(total.argmin()))
    return _walk_back(came_from, *chosen)


def _walk_back(
    came_from: list[np.ndarray[tuple[int], np.dtype[np.intp]]], used: int, last: int
) -> tuple[int, ...]:
    """Return the retrainings that led to the last one."""
    schedule: list[int] = []
    for step in range(used, 0, -1):
        schedule.insert(0, last)
        last = int(came_from[step - 1][last])
    return tuple(schedule)
