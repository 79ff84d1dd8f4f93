"""A search over one or two coordinates for many problems at once: a grid, then a walk."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftune.scaling.curves.families import FloatArray

    # (r, q, k) coordinates, q candidates for each of r problems -> (r, q) errors
    Errors = Callable[[FloatArray], FloatArray]

_STEPS = 30  # at most; a step that does not help is halved
_SMALLEST = 1e-6  # of the first step; then the walk has arrived


def lay_grid(
    box: Sequence[tuple[float, float]], sizes: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Return all points of a grid (q, k), and the distances of neighbours (k,).

    >>> points, step = lay_grid([(0.0, 1.0), (0.0, 4.0)], [2, 3])
    >>> points.shape, step.tolist()
    ((6, 2), [1.0, 2.0])
    """
    axes = [np.linspace(*limits, size) for limits, size in zip(box, sizes, strict=True)]
    step = np.array([axis[1] - axis[0] for axis in axes])
    return np.array(list(product(*axes))), step


def walk(
    errors: Errors, at: FloatArray, step: FloatArray, box: Sequence[tuple[float, float]]
) -> FloatArray:
    """Move each problem to its best neighbour, and halve its step where there is none better.

    Args:
        errors: What to make small.
        at: Where each problem starts, (r, k).
        step: First step per coordinate, (k,).
        box: (low, high) per coordinate.

    Returns:
        Where each problem ends, (r, k).
    """
    low, high = np.array(box).T
    moves = np.array(list(product((0.0, -1.0, 1.0), repeat=len(step))))  # staying comes first
    steps = np.tile(step, (len(at), 1))
    every = np.arange(len(at))
    for _ in range(_STEPS):
        near = np.clip(at[:, None] + moves * steps[:, None], low, high)
        best = errors(near).argmin(axis=1)
        at = near[every, best]
        steps = np.where((best == 0)[:, None], steps / 2, steps)
        if np.all(steps < _SMALLEST * step):
            break
    return at
