"""The pilot that decides which rows to take: those of k-center, or those that are usual.

One configuration is fitted on as many rows as may be used, chosen in each way with several seeds,
on the same folds and judged on the same validation rows: what these hold in hardness cancels.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.scaling.advise.selection import SEEDS, Selection, judge_selection
from driftune.tuning.coreset import SECONDS_PER_CELL, choose_spread
from driftune.tuning.executors.local import LocalExecutor
from driftune.tuning.fold_work import FoldWork
from driftune.tuning.pilot_folds import FEWEST_AT_ALL, cut_pilots
from driftune.tuning.pilot_run import score_folds
from driftune.tuning.splitters import Fold
from driftune.tuning.subsets import rank_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from driftune.tuning.pilots import OnStage, Pilots
    from driftune.tuning.task import Task

CHOSEN = "k_center"
RANDOM, NEWEST = "a random sample of", "the newest"  # so many
USUAL = {RANDOM: "the random sample", NEWEST: "the newest rows"}


def try_k_center(
    task: Task,
    pilots: Pilots,
    *,
    rows: int,
    seconds: float,
    n_jobs: int,
    on_stage: OnStage | None = None,
) -> Selection:
    """Compare rows chosen by k-center with those that are usual.

    These are a stratified sample, of a table in time order with later rows drawn more often, and
    there the newest rows too, which a study takes: k-center must beat the better.

    Args:
        task: Problem, table and folds, with all rows.
        pilots: Its pilots: their best configuration is fitted, and they say how long that takes.
        rows: Rows of the table that may be used.
        seconds: Wall time. Where as many rows would take longer, the largest half of halves of the
            table is tried that does not; seeds that do not end in time are left out.
        n_jobs: Cores.
        on_stage: Told how far it is.
    """
    end = time.monotonic() + seconds
    usual = USUAL[RANDOM if task.prepared.time is None else NEWEST]
    took = lambda size: expected_seconds(task, pilots, size)  # noqa: E731
    size = affordable_rows(rows, len(task.table.y), _fewest(task), seconds, took)
    found: list[dict[str, float]] = []
    for seed in range(0 if size is None else SEEDS):
        if on_stage is not None:
            on_stage(f"{size:,} rows by k-center, and as usual", seed, SEEDS)
        arms = draw_arms(task, size or rows, seed)
        losses = fit_arms(task, arms, best_params(pilots), end, n_jobs)
        if losses is None:
            break
        found.append(losses)
    if not found:
        return judge_selection([], {}, rows=rows, usual=usual)
    every = [found[0] | losses for losses in found]  # the newest rows are the first seed's
    rivals = {name: [losses[name] for losses in every] for name in every[0] if name != CHOSEN}
    chosen = [losses[CHOSEN] for losses in every]
    return judge_selection(chosen, rivals, rows=size or rows, asked=rows, usual=usual)


def best_params(pilots: Pilots) -> Mapping[str, Any]:
    """Return the best configuration of the largest size of pilots."""
    most = max(point.rows for point in pilots.points)
    best = min((p for p in pilots.points if p.rows == most), key=lambda p: p.loss)
    return pilots.configs[best.config_id]


def affordable_rows(
    rows: int, table_rows: int, fewest: int, seconds: float, took: Callable[[int], float]
) -> int | None:
    """Return as many rows as time allows: those asked for, else a half of halves of the table.

    Args:
        rows: Asked for.
        table_rows: Rows of the table.
        fewest: That tell anything.
        seconds: Time for all.
        took: Expected seconds of a number of rows.

    Returns:
        ``None`` where there is no time for any.

    >>> affordable_rows(3000, 8000, 40, 25.0, lambda rows: rows / 100)
    2000
    """
    halves = [table_rows >> level for level in range(1, table_rows.bit_length())]
    sizes = [rows, *(half for half in halves if fewest <= half < rows)]
    return next((size for size in sizes if took(size) <= seconds), None)


def expected_seconds(task: Task, pilots: Pilots, rows: int) -> float:
    """How long it takes to choose so many rows with all seeds, and to fit them."""
    share, columns = rows / len(task.table.y), task.table.X.shape[1]
    cells = sum(share * len(fold.train) * len(fold.train) * columns for fold in task.folds)
    fits = 2 * SEEDS + (task.prepared.time is not None)
    choosing = float(SEEDS * cells * SECONDS_PER_CELL)
    return choosing + fits * _fit_seconds(pilots, share * pilots.rows)


def _fit_seconds(pilots: Pilots, rows: float) -> float:
    """Mean seconds of a pilot on so many rows of a fold; beyond the largest, in proportion."""
    sizes = sorted({point.rows for point in pilots.points})
    took = [
        float(np.mean([p.seconds for p in pilots.points if p.rows == size and p.seconds]))
        for size in sizes
    ]
    beyond = max(1.0, rows / sizes[-1])
    return float(np.interp(rows, sizes, took)) * beyond


def _fewest(task: Task) -> int:
    """Rows of the table of which the smallest fold has as many as a pilot needs."""
    return math.ceil(FEWEST_AT_ALL * len(task.table.y) / min(len(f.train) for f in task.folds))


def draw_arms(task: Task, rows: int, seed: int) -> dict[str, list[Fold]]:
    """Choose the training rows of each fold in each way, and the validation rows of pilots.

    Args:
        task: Table and folds.
        rows: Rows of the table, of which a fold gets its share.
        seed: From 0 up. The newest rows, which no seed changes, are among those of the first.
    """
    folds = cut_pilots(task)
    valid = [folds.all[number].valid for number in folds.numbers(folds.parts[-1])]
    recent = task.prepared.time is not None
    arms: dict[str, list[Fold]] = {RANDOM: [], CHOSEN: []}
    for number, fold in enumerate(task.folds):
        train = fold.train
        size = max(2, round(rows / len(task.table.y) * len(train)))
        classes = task.table.y[train] if task.table.n_classes else None
        rng = np.random.default_rng([task.seed, seed, number])
        drawn = rank_rows(train, classes, rng, recent=recent)[:size]
        chosen = train[_cover(task, train, size, classes, task.seed + seed)]
        arms[RANDOM].append(Fold(np.sort(drawn), valid[number]))
        arms[CHOSEN].append(Fold(np.sort(chosen), valid[number]))
        if recent and not seed:
            arms.setdefault(NEWEST, []).append(Fold(train[-size:], valid[number]))
    return arms


def _cover(
    task: Task, train: NDArray[np.intp], size: int, classes: NDArray[Any] | None, seed: int
) -> NDArray[np.intp]:
    return choose_spread(
        task.table.X[train],
        size,
        n_categorical=task.table.n_categorical,
        classes=classes,
        seed=seed,
    )


def fit_arms(
    task: Task,
    arms: Mapping[str, list[Fold]],
    params: Mapping[str, Any],
    end: float,
    n_jobs: int,
) -> dict[str, float] | None:
    """Return the mean loss of each way over the folds; ``None`` when time ran out."""
    flip, each = task.table.metric.flip, len(task.folds)
    folds = [fold for of_arm in arms.values() for fold in of_arm]
    work = FoldWork(task.table, folds, task.family, task.seed, abreast=each)
    with LocalExecutor().open(work, n_jobs=n_jobs) as pool:
        scores = score_folds(pool, range(len(folds)), params, seconds=end - time.monotonic())
    if scores is None:
        return None
    losses = np.reshape([flip(score.score) for score in scores], (len(arms), each)).mean(axis=1)
    return dict(zip(arms, losses.tolist(), strict=True))
