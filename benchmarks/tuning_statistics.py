"""What the tuning race says of two runs: time to a score, ratios, paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.metrics import Metric

EQUAL = 1e-9
NOISE = 1e-3  # of the score: a difference that a user does not call one


@dataclass(frozen=True)
class Ratio:
    """How many times sooner we had plain Optuna's score.

    Attributes:
        value: Its seconds over ours. When we never reached it, its seconds over those of our whole
            study, which is more than the true ratio.
        reached: Whether we reached it.
    """

    value: float
    reached: bool

    @property
    def counted(self) -> float:
        """What enters a median: never is worse than any time."""
        return self.value if self.reached else 0.0

    def __str__(self) -> str:
        """As in the table."""
        return f"{self.value:.1f}x" if self.reached else f"not reached (<{self.value:.1f}x)"


def time_to(
    moments: Sequence[dict[str, Any]],
    target: float,
    metric: Metric,
    *,
    tolerance: float = EQUAL,
    clock: str = "seconds",
    score: str = "plain_score",
) -> float | None:
    """Return when an incumbent first had the target by the yardstick, or ``None``.

    Args:
        moments: Incumbents in order of time, with their scores.
        target: Score to reach, in the metric's units.
        metric: Says which direction is better.
        tolerance: Share of the target that may be missing.
        clock: ``seconds`` of the wall, or ``cpu``.
        score: ``plain_score``, on plain Optuna's folds, or ``neutral_score``.
    """
    most = metric.flip(target) + tolerance * abs(target)
    for moment in moments:
        if metric.flip(moment[score]) <= most:
            return float(moment[clock])
    return None


def speed(
    plain: dict[str, Any],
    ours: dict[str, Any],
    metric: Metric,
    *,
    tolerance: float = EQUAL,
    clock: str = "seconds",
    score: str = "plain_score",
    whole: bool = False,
) -> Ratio:
    """Compare the times to the answer of plain Optuna's study, or one as good.

    Args:
        plain: A run.
        ours: Another, of the same table and seed.
        metric: Of the table.
        tolerance: See :func:`time_to`.
        clock: See :func:`time_to`.
        score: What is as good: ``plain_score``, the score by which plain Optuna chose its answer
            as the best of 50, which flatters it; or ``neutral_score``, on folds that chose nothing.
        whole: Hold against plain Optuna its whole study, not the trial that was its best: nobody
            knows at that trial that no better one follows.
    """
    answer = plain["moments"][-1]
    spent = plain[clock] if whole else answer[clock]
    mine = time_to(
        ours["moments"], answer[score], metric, tolerance=tolerance, clock=clock, score=score
    )
    return Ratio(spent / (mine or ours[clock]), mine is not None)


def incumbent_at(moments: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any] | None:
    """Return what a study would have answered after so many seconds."""
    found = [moment for moment in moments if moment["seconds"] <= seconds]
    return found[-1] if found else None


def relative_difference(ours: float, theirs: float, floor: float = 0.0) -> float:
    """Return the difference of two losses as a share of their mean; negative: ours is lower.

    Args:
        ours: A loss, not negative.
        theirs: Another.
        floor: Least loss to take a share of, so that one error more than none is not everything.

    >>> round(relative_difference(0.9, 1.1), 3), relative_difference(0.0, 0.0)
    (-0.2, 0.0)
    >>> relative_difference(0.02, 0.0), relative_difference(0.02, 0.0, floor=0.1)
    (2.0, 0.2)
    """
    unit = max(floor, (ours + theirs) / 2)
    return (ours - theirs) / unit if unit else 0.0


def paired_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return low, mean and high: Student's 95 % interval of the mean of paired differences.

    One pair has no interval: infinite.
    """
    mean = float(np.mean(differences))
    if len(differences) < 2:
        return -math.inf, mean, math.inf
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return mean - float(half), mean, mean + float(half)
