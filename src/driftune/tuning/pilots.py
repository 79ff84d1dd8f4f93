"""Pilots: a few configurations on few rows, then the best of them on more, as far as time allows.

They measure on the user's own table, folds and machine how the loss falls with the rows and what a
trial costs. The rows of a pilot are a part of those of the next, and all are judged on the same
validation rows, so that what makes those hard cancels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError
from driftune.tuning.executors.local import LocalExecutor
from driftune.tuning.fold_work import FoldWork
from driftune.tuning.ladder import rarest_share
from driftune.tuning.pilot_errors import noise_of, with_errors
from driftune.tuning.pilot_folds import cut_pilots
from driftune.tuning.pilot_run import PilotRun
from driftune.tuning.quiet_optuna import quiet_optuna
from driftune.tuning.space import rename
from driftune.tuning.starters import hasten, starters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from driftune.scaling import Observation
    from driftune.tuning.task import Task

    OnStage = Callable[[str, int, int], None]  # what is done, how many fits of how many

COUNTS = (14, 8, 5, 4, 3, 2)  # configurations on each size, from the fewest rows up
FEWEST_SIZES = 4  # that a curve needs: the first ones leave time for the others
FEWEST_CONFIGS = 2  # on each size, where there are seconds for them
GROWTH = 1.7  # times the seconds that a fit takes on twice the rows, as measured on pilots


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


def run_pilots(
    task: Task,
    *,
    seconds: float,
    n_jobs: int,
    first: Sequence[Mapping[str, Any]] = (),
    on_stage: OnStage = lambda *_: None,
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
        run = PilotRun(task, folds, pool, began + seconds)
        _warm_up(run, configs)
        _climb(run, configs, on_stage)
        factor = _validation_factor(run, configs)
        _fill_up(run, configs, on_stage)
    if not run.points:
        raise DriftuneError(
            f"Not one pilot on {folds.rows(folds.parts[0]):,} rows ended within {seconds:.0f} s:"
            " give them more time with --pilots, or a larger --budget."
        )
    return Pilots(
        points=with_errors(run, factor),
        rows=folds.rows(1),
        table_rows=len(task.table.y),
        rarest=rarest_share(task.table.y if task.table.n_classes else None),
        configs=configs,
        noise=noise_of(run),
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

    with quiet_optuna():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=task.seed))
        return [hasten(task.space.suggest(study.ask())) for _ in range(count)]


def _climb(run: PilotRun, configs: Mapping[str, Mapping[str, Any]], on_stage: OnStage) -> None:
    """Fit the sizes from few rows to many, on each the best of the one before."""
    ranked = list(configs)
    for level, part in enumerate(run.folds.parts):
        wanted = ranked[: COUNTS[min(level, len(COUNTS) - 1)]]
        until = run.left * (1 - _share(FEWEST_SIZES - level))
        for done, name in enumerate(wanted):
            on_stage(f"pilots on {run.folds.rows(part):,} rows", done, len(wanted))
            if done >= FEWEST_CONFIGS and run.left < max(until, run.seconds(part)):
                break
            if not run.fit(part, name, configs[name]):
                return
        # the first, the champion's or the library default, always goes on: what is best on few rows
        # is small, and may be overtaken
        best, *others = run.ranked(part)
        ranked = list(dict.fromkeys([best, next(iter(configs)), *others]))
        if level + 1 < len(run.folds.parts):
            growth = run.folds.rows(run.folds.parts[level + 1]) / run.folds.rows(part)
            if run.left < run.seconds(part) * growth:
                return


def _warm_up(run: PilotRun, configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Fit once without looking: the first fit of a process imports the model's package."""
    run.score(run.folds.parts[0], next(iter(configs.values())))


def _share(sizes: int) -> float:
    """Share of the time left that the first of so many sizes may take; each needs more than it.

    >>> _share(1), round(_share(4), 2)
    (1.0, 0.1)
    """
    return float((GROWTH - 1) / (GROWTH ** max(1, sizes) - 1))


def _fill_up(run: PilotRun, configs: Mapping[str, Mapping[str, Any]], on_stage: OnStage) -> None:
    """With the time that is left, try the other configurations on the largest size that allows it.

    What trials bring is read off the size with a dozen of them.
    """
    for part in reversed([part for part in run.folds.parts if run.ranked(part)]):
        missing = [name for name in configs if name not in run.ranked(part)]
        if run.seconds(part) * len(missing) > run.left:
            continue
        for done, name in enumerate(missing):
            on_stage(f"more pilots on {run.folds.rows(part):,} rows", done, len(missing))
            if not run.fit(part, name, configs[name]):
                return
        return


def _validation_factor(run: PilotRun, configs: Mapping[str, Mapping[str, Any]]) -> float:
    """Loss on all validation rows over that on the pilots' sample of them, measured once.

    Both losses are of the same model, so that the factor is a matter of the rows alone.
    """
    whole = run.folds.whole_part
    if whole is None or not run.ranked(whole):
        return 1.0
    best = run.ranked(whole)[0]
    sampled = float(np.mean(run.losses[whole, best]))
    scores = run.score(0, configs[best]) if run.left > 2 * run.seconds(whole) else None
    if scores is None:
        return 1.0
    flip = run.task.table.metric.flip
    return float(np.mean([flip(score.score) for score in scores])) / sampled
