"""The loss that a search reaches, as a function of the trials it makes.

A power law of the number of trials with a floor, fitted to the losses of trials that could have
come in any order. It says what more trials would be worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

FEWEST = 12  # trials; a curve through fewer says nothing
_EXPONENTS = np.geomspace(0.1, 3.0, 40)


@dataclass(frozen=True)
class TrialsCurve:
    """``B(k) = floor + S k^-s``, the expected best loss of ``k`` trials.

    Args:
        floor: What infinitely many trials would reach.
        scale: ``S``, not negative.
        exponent: ``s``.
        trials: How many it was fitted to; 0 for a guess.
    """

    floor: float
    scale: float
    exponent: float
    trials: int

    def excess(self, trials: float) -> float:
        """Return how far the best of so many trials is above the floor."""
        return float(self.scale * trials**-self.exponent)

    def gain(self, trials: float, more: float) -> float:
        """Return by how much the best loss falls from ``trials`` to ``more`` trials."""
        return self.excess(trials) - self.excess(more)


def best_of(losses: ArrayLike) -> NDArray[np.float64]:
    """Expected best loss of ``k`` trials drawn from these, for ``k = 1..n``.

    The mean over all orders in which the trials could have come, in closed form: of ``k`` out of
    ``n``, the j-th best is the best one with probability ``C(n-j, k-1) / C(n, k)``.

    >>> best_of([3.0, 1.0, 2.0]).round(3).tolist()
    [2.0, 1.333, 1.0]
    """
    ordered = np.sort(np.asarray(losses, dtype=float))
    n = len(ordered)
    k = np.arange(1, n + 1)
    expected, chance = np.zeros(n), k / n
    for j, loss in enumerate(ordered, start=1):
        expected += chance * loss
        if j < n:
            chance = chance * np.maximum(0, n - j - k + 1) / (n - j)
    return expected


def fit_trials_curve(
    losses: Sequence[float], pruned: int = 0, *, slowest: float = 0.0
) -> TrialsCurve:
    """Fit ``B(k) = E + S k^-s`` to :func:`best_of` by least squares, ``s`` on a grid, ``S >= 0``.

    How bad the worse half is says nothing about the best, and pruned trials have no loss: both
    count as the median. On 12, 20 and 50 draws from uniform, normal and chi-squared losses the
    median predicted gain of twice the trials was 0.8 to 1.8 times the true one: rather too much, so
    that a search is rather ended late.

    Args:
        losses: Of the completed trials, lower is better; at least one.
        pruned: Trials that could not win, and were stopped or are against a constraint.
        slowest: Least exponent; small ones promise gains far beyond the trials that were made.

    >>> curve = fit_trials_curve([1 + (k / 40) ** 2 for k in range(1, 41)])
    >>> curve.gain(40, 80) < 0.05 < curve.gain(4, 40)
    True
    """
    n = len(losses) + pruned
    middle = float(np.median([*losses, *[float("inf")] * pruned]))
    worst = middle if np.isfinite(middle) else max(losses)
    curve = best_of(np.minimum([*losses, *[worst] * pruned], worst))
    k = np.arange(1, n + 1)
    best, least = TrialsCurve(float(curve[-1]), 0.0, 1.0, n), np.inf
    for s in _EXPONENTS[_EXPONENTS >= slowest]:
        falls = k**-s
        centred = falls - falls.mean()
        size = float(centred @ centred)
        scale = max(0.0, float(centred @ curve / size)) if size else 0.0
        error = float(np.sum((curve - curve.mean() - scale * centred) ** 2))
        if error < least:
            floor = float(curve.mean() - scale * falls.mean())
            best, least = TrialsCurve(floor, scale, float(s), n), error
    return best
