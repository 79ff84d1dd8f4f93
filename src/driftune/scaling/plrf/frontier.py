"""The compute-optimal frontier: of all widths, the one whose loss is least after so much compute.

Compute is ``f = steps * batch * width``. The best width and its loss follow power laws of ``f``;
this measures their exponents on curves, so that theory and numbers can be held against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import UsageError
from driftune.scaling.plrf.model import FEATURES_PER_DIMENSION, PLRF

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Frontier:
    """Best width and loss against compute, arrays of shape (n,).

    Args:
        compute: ``steps * batch * width``.
        d_star: Best width.
        loss_star: Its loss.
        xi: Fitted: ``d_star`` is about ``compute^xi``; NaN for a single point.
        eta: Fitted: ``loss_star`` is about ``compute^-eta``.
    """

    compute: Array
    d_star: Array
    loss_star: Array
    xi: float
    eta: float


def compute_optimal(
    alpha: float,
    beta: float,
    f_grid: ArrayLike,
    d_grid: ArrayLike,
    *,
    features_per_dimension: float = FEATURES_PER_DIMENSION,
    batch: int = 1,
    lr: float | None = None,
    growth: float = 1.02,
) -> Frontier:
    """Find the best width for each compute, and how width and loss scale.

    The minimum over the grid of widths is refined by a parabola in ``log d``; ``xi`` and
    ``eta`` are the slopes of straight lines through logarithms.

    >>> found = compute_optimal(1.0, 0.3, np.geomspace(1e9, 1e12, 4), np.geomspace(2e2, 2e5, 13))
    >>> round(found.xi, 3), round(found.eta, 3), round(8 / 15, 3)
    (0.336, 0.531, 0.533)

    Args:
        alpha: Fall of the spectrum.
        beta: Fall of the target.
        f_grid: Compute, shape (n,), positive; up to 1e20 and beyond.
        d_grid: Widths to try, shape (m,), at least 3, increasing; half octaves are fine enough.
        features_per_dimension: ``v / d``, above 1.
        batch: Rows per step.
        lr: Learning rate of all widths; by default that of each width.
        growth: Of the loss curves' steps.

    Raises:
        UsageError: A best width lies at the end of ``d_grid``, or an argument is outside its range.
        UnstableLearningRate: ``lr`` diverges at one of the widths.
    """
    compute, widths = np.asarray(f_grid, dtype=float), np.asarray(d_grid, dtype=float)
    if len(widths) < 3 or np.any(np.diff(widths) <= 0):
        raise UsageError(f"d_grid has {len(widths)} widths; it takes 3, in increasing order.")
    if not len(compute) or not np.all((compute > 0) & np.isfinite(compute)):
        raise UsageError(f"f_grid is {compute.tolist()}; it must hold positive numbers.")
    losses = np.full((len(widths), len(compute)), np.inf)
    for row, d in zip(losses, widths, strict=True):
        steps = compute / (d * batch)
        if steps.max() < 1:
            continue
        model = PLRF(alpha, beta, d, v=features_per_dimension * d, batch=batch, lr=lr)
        curve = model.loss_curve(float(math.ceil(steps.max())), growth)
        row[steps >= 1] = curve.at(steps[steps >= 1])
    pairs = [_find_minimum(widths, *pair) for pair in zip(losses.T, compute, strict=True)]
    d_star, loss_star = np.array(pairs).T
    xi, eta = _slope(compute, d_star), -_slope(compute, loss_star)
    return Frontier(compute, d_star, loss_star, xi, eta)


def _find_minimum(widths: Array, losses: Array, compute: float) -> tuple[float, float]:
    """Return the vertex of the parabola through the lowest point and its neighbours, in logs."""
    best = int(np.argmin(losses))
    if best in (0, len(widths) - 1) or not np.isfinite(losses[best + 1]):
        raise UsageError(
            f"The best width for a compute of {compute:.3g} is {widths[best]:.3g}, at the end of "
            "what was tried; widen d_grid."
        )
    x, y = np.log(widths[best - 1 : best + 2]), np.log(losses[best - 1 : best + 2])
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    bend = (right - left) / (x[2] - x[0])
    slope = left + bend * (x[1] - x[0])  # at the middle point
    shift = -slope / (2 * bend) if bend > 0 else 0.0
    return math.exp(x[1] + shift), math.exp(y[1] + slope * shift / 2)


def _slope(x: Array, y: Array) -> float:
    if len(x) < 2:
        return math.nan
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
