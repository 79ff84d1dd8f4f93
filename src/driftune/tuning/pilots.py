"""Pilots: a few configurations on few rows, then the best of them on more, as far as time allows.

They measure on the user's own table, folds and machine how the loss falls with the rows and what a
trial costs. The rows of a pilot are a part of those of the next, and all are judged on the same
validation rows, so that what makes those hard cancels.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError
from driftune.scaling import Observation
from driftune.tuning.executors.local import LocalExecutor
from driftune.tuning.fold_work import FoldOrder, FoldWork, TrialCut
from driftune.tuning.known import LEAVES
from driftune.tuning.pilot_folds import PilotFolds, cut_pilots
from driftune.tuning.search_curve import paired_error
from driftune.tuning.space import rename
from driftune.tuning.starters import hasten, starters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from driftune.tuning.executors import FoldPool
    from driftune.tuning.fold_work import FoldScore
    from driftune.tuning.task import Task

    OnStage = Callable[[str, int, int], None]  # what is done, how many fits of how many

COUNTS = (14, 8, 5, 4, 3, 2)  # configurations on each size, from the fewest rows up
FEWEST_SIZES = 5  # that the time is shared out over, if there are so many
CAP = 1_950  # rounds near the families' limit of 2,000: a longer fit may have been better


@dataclass(frozen=True)
class Pilots:
    """What the pilots found.

    Attributes:
        points: One per configuration and size; ``loss`` is the mean over the folds, ``seconds`` the
            wall time of all folds together, as a trial of a study takes it.
        rows: Training rows of a fold with all rows of the table, on average.
        table_rows: Labelled rows of the table.
        rarest: Share of the rarest class; 1 for a regression.
        configs: What each ``config_id`` stands for.
        noise: Standard error of the difference between two good configurations; ``None`` where
            the pilots cannot tell.
        seconds: Wall time of the pilots.
    """

    points: list[Observation]
    rows: int
    table_rows: int
    rarest: float
    configs: dict[str, dict[str, Any]]
    noise: float | None
    seconds: float


@dataclass
class _Run:
    """The pilots under way.

    Args:
        task: Space, table, folds.
        folds: Those of all sizes.
        pool: Fits them.
        end: When the last fit must end, by the monotonic clock.
    """

    task: Task
    folds: PilotFolds
    pool: FoldPool
    end: float
    losses: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    points: list[Observation] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.end - time.monotonic()

    def fit(self, part: int, name: str, params: Mapping[str, Any]) -> bool:
        """Fit one configuration on all folds of one size; False when time ran out."""
        began = time.monotonic()
        end = time.time() + self.left
        futures = [
            self.pool.submit(FoldOrder(params, number, end, keep_cut=False))
            for number in self.folds.numbers(part)
        ]
        try:
            scores = [future.result() for future in futures]
        except TrialCut:
            for future in futures:
                self.pool.revoke(future)
            return False
        losses = [self.task.table.metric.flip(score.score) for score in scores]
        self.losses[part, name] = losses
        self.points.append(self._point(part, name, params, scores, time.monotonic() - began))
        return True

    def ranked(self, part: int) -> list[str]:
        """Return the configurations that were fitted on a size, the best first."""
        known = {name: np.mean(all_) for (at, name), all_ in self.losses.items() if at == part}
        return sorted(known, key=known.__getitem__)

    def seconds(self, part: int) -> float:
        """Return the mean seconds of a configuration on a size."""
        rows = self.folds.rows(part)
        known = [p.seconds for p in self.points if p.rows == rows and p.seconds is not None]
        return float(np.mean(known)) if known else 0.0

    def _point(
        self,
        part: int,
        name: str,
        params: Mapping[str, Any],
        scores: Sequence[FoldScore],
        seconds: float,
    ) -> Observation:
        rounds = float(np.mean([score.best_iteration for score in scores]))
        return Observation(
            rows=self.folds.rows(part),
            loss=float(np.mean(self.losses[part, name])),
            seconds=seconds,
            rounds=max(1, round(rounds)),
            leaves=leaves_of(params),
            fidelity=1 / part,
            config_id=name,
            capped=max(score.best_iteration for score in scores) >= CAP,
        )


def run_pilots(
    task: Task,
    *,
    seconds: float,
    n_jobs: int,
    first: Sequence[Mapping[str, Any]] = (),
    on_stage: OnStage | None = None,
) -> Pilots:
    """Measure loss and seconds on rising numbers of rows, until the time is used.

    Args:
        task: Problem, table, folds, family and space, as a study has them.
        seconds: Wall time; the last fit is cut, and left out, at its end.
        n_jobs: Cores.
        first: Configurations to include, such as the champion's.
        on_stage: Told which size is being fitted, and how far it is.

    Raises:
        DriftuneError: Not one configuration could be fitted in this time.
    """
    began = time.monotonic()
    configs = choose_configs(task, first)
    folds = cut_pilots(task)
    work = FoldWork(task.table, folds.all, task.family, task.seed, abreast=len(task.folds))
    with LocalExecutor().open(work, n_jobs=n_jobs) as pool:
        run = _Run(task, folds, pool, began + seconds)
        _climb(run, configs, on_stage)
        factor = _validation_factor(run, configs)
    if not run.points:
        raise DriftuneError(
            f"Not one pilot on {folds.rows(folds.parts[0]):,} rows ended within {seconds:.0f} s:"
            " give the plan a larger --budget."
        )
    return Pilots(
        points=_with_errors(run, factor),
        rows=folds.rows(1),
        table_rows=len(task.table.y),
        rarest=_rarest(task),
        configs=configs,
        noise=_noise(run),
        seconds=time.monotonic() - began,
    )


def choose_configs(
    task: Task, first: Sequence[Mapping[str, Any]] = ()
) -> dict[str, dict[str, Any]]:
    """Choose what the pilots try: a study's own starts, then points that cover the whole space."""
    own = [task.space.nearest(rename(params, task.family)) for params in first]
    known = starters(
        task.space, task.family, task.prepared, first=own, earlier=[], max_trials=None,
        seed=task.seed,
    )  # fmt: skip
    missing = COUNTS[0] - len(known)
    wide = _draw(task, missing) if missing > 0 else []
    return {
        f"pilot {number}": dict(params)
        for number, params in enumerate([*known, *wide][: COUNTS[0]])
    }


def _draw(task: Task, count: int) -> list[dict[str, Any]]:
    """Draw configurations from the whole space, in large steps: a search knows large trees too."""
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=task.seed))
    return [hasten(task.space.suggest(study.ask())) for _ in range(count)]


def leaves_of(params: Mapping[str, Any]) -> int:
    """Leaves of a tree of this configuration; 31 where it does not say, 1 where it has no trees."""
    for name in LEAVES:
        if isinstance(params.get(name), int) and params[name] > 0:
            return int(min(2 ** params[name], 512) if name == "max_depth" else params[name])
    return 31 if "learning_rate" in params else 1


def _climb(run: _Run, configs: Mapping[str, Mapping[str, Any]], on_stage: OnStage | None) -> None:
    """Fit the sizes from few rows to many, on each the best of the one before."""
    ranked = list(configs)
    for level, part in enumerate(run.folds.parts):
        wanted = ranked[: COUNTS[min(level, len(COUNTS) - 1)]]
        # a curve needs so many sizes: the first ones leave time for the others
        until = run.left * (1 - 1 / max(1, FEWEST_SIZES - level))
        for done, name in enumerate(wanted):
            if on_stage is not None:
                on_stage(f"pilots on {run.folds.rows(part):,} rows", done, len(wanted))
            if done and run.left < max(until, run.seconds(part)):
                break
            if not run.fit(part, name, configs[name]):
                return
        ranked = run.ranked(part)
        if level + 1 < len(run.folds.parts):
            growth = run.folds.rows(run.folds.parts[level + 1]) / run.folds.rows(part)
            if run.left < run.seconds(part) * growth:
                return


def _validation_factor(run: _Run, configs: Mapping[str, Mapping[str, Any]]) -> float:
    """Loss on all validation rows over that on the pilots' sample of them, measured once.

    Both losses are of the same model, so that the factor is a matter of the rows alone.
    """
    whole = run.folds.whole_part
    if whole is None or not run.ranked(whole):
        return 1.0
    best = run.ranked(whole)[0]
    sampled = float(np.mean(run.losses[whole, best]))
    if run.left < 2 * run.seconds(whole) or not run.fit(0, best, configs[best]):
        return 1.0
    run.points.pop()
    return float(np.mean(run.losses.pop((0, best)))) / sampled


def _with_errors(run: _Run, factor: float) -> list[Observation]:
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
        ``None`` for fewer than three sizes or two folds, which tell nothing.
    """
    sizes, folds = losses.shape
    if sizes < 3 or folds < 2:
        return None
    left = np.log(losses)
    left = left - left.mean(axis=1, keepdims=True)
    x = np.log(rows) - np.mean(np.log(rows))
    left = left - left.mean(axis=0) - np.outer(x, x @ left) / (x @ x)
    spread = math.sqrt(float(np.sum(left**2)) / ((folds - 1) * (sizes - 2)))
    return spread / math.sqrt(folds)


def _noise(run: _Run) -> float | None:
    """Standard error of the difference between two good configurations, from the largest size."""
    for part in reversed(run.folds.parts):
        ranked = run.ranked(part)
        if len(ranked) > 1:
            folds = [run.losses[part, name] for name in ranked]
            return paired_error(folds) or None
    return None


def _rarest(task: Task) -> float:
    if not task.table.n_classes:
        return 1.0
    return float(np.bincount(task.table.y).min() / len(task.table.y))
