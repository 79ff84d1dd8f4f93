"""Intervals and paired comparisons of the sampler benchmark.

Regrets come as arrays of shape (tasks, seeds, ...). Tasks are fixed and the seeds of each task are
resampled; a cell that was not run is NaN, and then all cells that were run are resampled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import wilcoxon

if TYPE_CHECKING:
    from collections.abc import Callable

RESAMPLES = 4000
LEVEL = (0.025, 0.975)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return it as plain numbers."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """One arm against another, by paired studies.

    Args:
        change: Relative change of the mean regret; 0.05 is 5 % more regret.
        p: Of Wilcoxon's signed-rank test over all pairs, two-sided.
        pairs: How many.
    """

    change: Estimate
    p: float
    pairs: int


def interval(regret: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return low, mean and high of the mean over tasks and seeds."""
    [regret] = _select(regret)
    low, high = np.quantile(_resample(regret), LEVEL, axis=0)
    return low, regret.mean(axis=(0, 1)), high


def compare(ours: np.ndarray, theirs: np.ndarray) -> Comparison | None:
    """Compare regrets, shape (tasks, seeds); ``None`` if no cell is in both."""
    both = np.isfinite(ours) & np.isfinite(theirs)
    if not both.any():
        return None
    differences = (ours - theirs)[both]
    p = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
    change = estimate(lambda a, b: a / b - 1, ours, theirs)
    return Comparison(change, p, int(both.sum()))


def estimate(statistic: Callable[..., Any], *regrets: np.ndarray) -> Estimate:
    """Estimate a statistic of the mean regrets of several arms on the same tasks and seeds."""
    selected = _select(*regrets)
    low, high = np.quantile(statistic(*map(_resample, selected)), LEVEL)
    return Estimate(float(statistic(*(r.mean() for r in selected))), float(low), float(high))


def _select(*regrets: np.ndarray) -> list[np.ndarray]:
    """Return the cells that all arms ran: as one task if some are missing or there is one seed."""
    run = np.logical_and.reduce(
        [np.isfinite(regret.reshape(*regret.shape[:2], -1)).all(axis=-1) for regret in regrets]
    )
    whole = run.all() and run.shape[1] > 1
    return list(regrets) if whole else [regret[run][None] for regret in regrets]


def _resample(regret: np.ndarray) -> np.ndarray:
    """Return means of resampled regrets, shape (resamples, ...); the same draws for every arm."""
    tasks, seeds = regret.shape[:2]
    draws = np.random.default_rng(0).integers(seeds, size=(tasks, RESAMPLES, seeds))
    return sum(regret[task][draws[task]].mean(axis=1) for task in range(tasks)) / tasks
