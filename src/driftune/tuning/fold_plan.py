"""Cut the folds of a study, by the splitter that was chosen for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from driftune.durations import read_duration
from driftune.errors import DataError, UsageError
from driftune.tuning.splitter_choice import FORWARD, GROUPED, Splitter
from driftune.tuning.splitters import (
    Fold,
    forward_chaining,
    group_kfold,
    keep_groups_apart,
    keep_time_apart,
    kfold,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.splitter_choice import CrossValidator

logger = logging.getLogger(__name__)


def folds_for(
    problem: Problem,
    prepared: Prepared,
    n_folds: int,
    *,
    seed: int = 0,
    splitter: Splitter | CrossValidator | None = None,
) -> list[Fold]:
    """Cut the folds of a study.

    Args:
        problem: What is predicted.
        prepared: Its rows.
        n_folds: Folds of one pass, where the splitter does not say.
        seed: Of the shuffles.
        splitter: Ours, or one of scikit-learn; ``None`` for ``Splitter()``.

    Raises:
        DataError: Too few rows, groups or rows of a class; an empty fold; or a fold in which a
            binary target never changes.
    """
    if splitter is None or isinstance(splitter, Splitter):
        folds = _cut(splitter or Splitter(), problem, prepared, n_folds, seed)
    else:
        parts = splitter.split(prepared.X, prepared.y, prepared.groups)
        folds = [Fold(np.sort(train), np.sort(valid)) for train, valid in parts]
    for number, fold in enumerate(folds, start=1):
        for part, rows in (("training", fold.train), ("validation", fold.valid)):
            _check_part(problem, prepared, number, part, rows)
    return folds


def _cut(
    splitter: Splitter, problem: Problem, prepared: Prepared, n_folds: int, seed: int
) -> list[Fold]:
    chosen = splitter.settle(problem, prepared)
    _warn(chosen, problem, prepared)
    number = chosen.folds or n_folds
    if chosen.kind in FORWARD:
        return _forward(chosen, prepared, number)
    return [
        fold
        for again in range(chosen.repeats)
        for fold in _shuffled(chosen, problem, prepared, number, seed + again)
    ]


def _forward(splitter: Splitter, prepared: Prepared, n_folds: int) -> list[Fold]:
    import pandas as pd

    by_rows = splitter.gap if isinstance(splitter.gap, int) else 0
    rolling = splitter.window == "rolling"
    folds = forward_chaining(len(prepared.y), n_folds, gap=by_rows, rolling=rolling)
    if isinstance(splitter.gap, str) and prepared.time is not None:
        if not pd.api.types.is_datetime64_any_dtype(prepared.time):
            raise UsageError(
                f"tuning.splitter.gap {splitter.gap!r} is a duration, but the time column"
                f" {prepared.time.name!r} holds numbers; write a number of rows."
            )
        gap = pd.Timedelta(read_duration(splitter.gap))
        folds = keep_time_apart(folds, prepared.time, gap)
    if splitter.kind == "grouped_forward" and prepared.groups is not None:
        folds = keep_groups_apart(folds, prepared.groups)
    return folds


def _shuffled(
    splitter: Splitter, problem: Problem, prepared: Prepared, n_folds: int, seed: int
) -> list[Fold]:
    stratified = splitter.kind.startswith("stratified")
    if splitter.kind in GROUPED and prepared.groups is not None:
        y, groups, name = prepared.y, prepared.groups, splitter.group or problem.group or "group"
        return group_kfold(y, groups, n_folds, stratified=stratified, seed=seed, name=name)
    return kfold(prepared.y, n_folds, stratified=stratified, seed=seed)


def _warn(splitter: Splitter, problem: Problem, prepared: Prepared) -> None:
    """Say what a score will not mean, where the user asked for a split that leaks."""
    if prepared.time is not None and splitter.kind not in FORWARD:
        logger.warning(
            "tuning.splitter %r trains on rows later than those it validates on, so that its score"
            " says how well gaps are filled, not how well the future of %r is predicted: expect"
            " worse in service. Without the setting, folds go forward by %r.",
            splitter.kind, problem.target, problem.time,
        )  # fmt: skip
    if prepared.groups is not None and splitter.kind not in GROUPED:
        logger.warning(
            "tuning.splitter %r puts rows of one group on both sides, so that its score says how"
            " well known groups are predicted, not new ones.", splitter.kind,
        )  # fmt: skip


def _check_part(
    problem: Problem, prepared: Prepared, number: int, part: str, rows: NDArray[np.intp]
) -> None:
    if len(rows) < 2:
        grouped = "" if prepared.groups is None else ", or groups that do not recur,"
        raise DataError(
            f"Fold {number} has {len(rows)} {part} rows; use fewer folds (tuning.folds), a smaller"
            f" tuning.splitter.gap{grouped} or more rows."
        )
    if problem.task == "binary" and len(np.unique(prepared.y[rows])) < 2:
        raise DataError(
            f"The {part} rows of fold {number} hold one class of {problem.target!r} only; "
            "use fewer folds (tuning.folds) or more history."
        )
