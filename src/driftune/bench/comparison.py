"""Compare arms over tasks and seeds, in pairs.

A task is a table and a model. Its scale is what the search was about: regret 0 is the best CV score
that any run found, 1 is the median configuration of random search.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from driftune.bench.arms import ARMS, BASELINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from driftune.bench.search import Run

TaskKey: TypeAlias = tuple[str, str]
CHECKPOINTS = (5, 10, 25, 50)
_RESAMPLES = 2_000
_EQUAL = 1e-12


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap interval of 95 %; one number alone has none."""

    mean: float
    low: float | None
    high: float | None

    @property
    def clear(self) -> bool:
        """Whether zero is outside."""
        return self.low is not None and self.high is not None and self.low * self.high > 0


@dataclass(frozen=True)
class Compared:
    """An arm against the baseline.

    Attributes:
        arm: A key of ``ARMS``.
        runs: How many.
        regret: Mean regret after so many trials.
        regret_change: Regret at the end minus the baseline's: below zero is better.
        cv_gain: Points of weighted F1, or per cent of the baseline's MAE: above zero is better.
        test_gain: The same on the held-out rows.
        won: Tasks on which the arm's mean CV score is better than, equal to, worse than the
            baseline's.
        seconds: Mean wall time of a run.
        suggest_seconds: What of it was not spent in fits.
        calls: Mean questions per run to the language model.
        cost_usd: Of all runs; ``None`` when unknown.
    """

    arm: str
    runs: int
    regret: dict[int, float]
    regret_change: Interval | None
    cv_gain: Interval | None
    test_gain: Interval | None
    won: tuple[int, int, int] | None
    seconds: float
    suggest_seconds: float
    calls: float
    cost_usd: float | None


def compare(runs: Sequence[Run], baseline: str = BASELINE) -> list[Compared]:
    """Compare every arm with the baseline, over the tasks and seeds that both have.

    Without runs of the baseline there is nothing to compare with, and those fields are ``None``.
    """
    curves = regret_curves(runs)
    arms = [arm for arm in ARMS if any(run.arm == arm for run in runs)]
    return [_compare(arm, baseline, runs, curves) for arm in arms]


def regret_curves(runs: Sequence[Run]) -> dict[int, NDArray[np.float64]]:
    """Return the regret of the best configuration so far, by position of the run, per trial."""
    by_task: dict[TaskKey, list[int]] = defaultdict(list)
    for position, run in enumerate(runs):
        by_task[run.table, run.model].append(position)
    curves = {}
    for positions in by_task.values():
        losses = {p: _losses(runs[p]) for p in positions}
        best = min(float(each.min()) for each in losses.values())
        drawn = [losses[p] for p in positions if runs[p].arm == "random"] or list(losses.values())
        scale = float(np.median(np.concatenate(drawn))) - best
        for position, each in losses.items():
            above = np.minimum.accumulate(each) - best
            curves[position] = above / scale if scale > 0 else np.zeros_like(above)
    return curves


def bootstrap(differences: dict[TaskKey, list[float]]) -> Interval:
    """Return the mean over tasks with an interval: tasks are drawn, then seeds within each.

    >>> interval = bootstrap({("a", "m"): [1.0, 3.0], ("b", "m"): [2.0]})
    >>> interval.mean, 1.0 <= interval.low <= interval.high <= 3.0
    (2.0, True)
    >>> bootstrap({("a", "m"): [1.0]})
    Interval(mean=1.0, low=None, high=None)

    Args:
        differences: Per task, one number per seed. Seeds share their splits, so the interval says
            how sure the mean is over other tasks and seeds like these, not over other splits.
    """
    tasks = [np.asarray(each, dtype=float) for each in differences.values()]
    mean = float(np.mean([each.mean() for each in tasks]))
    if sum(len(each) for each in tasks) == 1:
        return Interval(mean, None, None)
    rng, n = np.random.default_rng(0), len(tasks)
    # (tasks, resamples, places): the mean of seeds drawn for a task, should it be drawn there
    seeds = np.stack([rng.choice(t, (_RESAMPLES, n, len(t))).mean(axis=2) for t in tasks])
    drawn = rng.integers(n, size=(_RESAMPLES, n))
    rows, places = np.ogrid[:_RESAMPLES, :n]
    low, high = np.quantile(seeds[drawn, rows, places].mean(axis=1), [0.025, 0.975])
    return Interval(mean, float(low), float(high))


def gain(task: str, ours: float, theirs: float) -> float:
    """Return points of F1, or per cent of their MAE, by which ``ours`` is better.

    >>> gain("regression", 9.0, 10.0)
    10.0
    """
    if task == "classification":
        return 100.0 * (ours - theirs)
    return 100.0 * (theirs - ours) / theirs if theirs > 0 else 0.0


def _compare(
    arm: str, baseline: str, runs: Sequence[Run], curves: dict[int, NDArray[np.float64]]
) -> Compared:
    own = [position for position, run in enumerate(runs) if run.arm == arm]
    trials = min(len(curves[position]) for position in own)
    at = sorted({point for point in CHECKPOINTS if point < trials} | {trials})
    costs = [runs[position].cost_usd for position in own]
    others = {_pair(run): p for p, run in enumerate(runs) if run.arm == baseline}
    pairs = [(p, others[_pair(runs[p])]) for p in own if _pair(runs[p]) in others]
    against = bool(pairs) and arm != baseline

    def change(measure: Callable[[int, int], float]) -> dict[TaskKey, list[float]]:
        found: dict[TaskKey, list[float]] = defaultdict(list)
        for ours, theirs in pairs:
            found[runs[ours].table, runs[ours].model].append(measure(ours, theirs))
        return found

    cv = change(lambda a, b: gain(runs[a].task, runs[a].cv, runs[b].cv))
    test = change(lambda a, b: gain(runs[a].task, runs[a].test, runs[b].test))
    regret = change(lambda a, b: float(curves[a][-1] - curves[b][-1]))
    return Compared(
        arm=arm,
        runs=len(own),
        regret={n: float(np.mean([curves[p][n - 1] for p in own])) for n in at},
        regret_change=bootstrap(regret) if against else None,
        cv_gain=bootstrap(cv) if against else None,
        test_gain=bootstrap(test) if against else None,
        won=_count_wins(cv) if against else None,
        seconds=float(np.mean([runs[p].seconds for p in own])),
        suggest_seconds=float(np.mean([runs[p].suggest_seconds for p in own])),
        calls=float(np.mean([runs[p].calls for p in own])),
        cost_usd=None if None in costs else float(sum(cost or 0.0 for cost in costs)),
    )


def _count_wins(gains: dict[TaskKey, list[float]]) -> tuple[int, int, int]:
    means = [float(np.mean(each)) for each in gains.values()]
    better = sum(mean > _EQUAL for mean in means)
    worse = sum(mean < -_EQUAL for mean in means)
    return better, len(means) - better - worse, worse


def _losses(run: Run) -> NDArray[np.float64]:
    sign = -1.0 if run.task == "classification" else 1.0
    return sign * np.asarray(run.values, dtype=float)


def _pair(run: Run) -> tuple[str, str, int]:
    return run.table, run.model, run.seed
