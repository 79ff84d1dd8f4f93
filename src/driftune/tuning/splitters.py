"""Which rows train and which validate: by time when there is a time, else at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared


@dataclass(frozen=True)
class Fold:
    """Row numbers of one split; ``train`` and ``valid`` share no row.

    Attributes:
        train: ``(n_train,)`` ascending row numbers.
        valid: ``(n_valid,)`` ascending row numbers.
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]


def forward_chaining(n_rows: int, n_folds: int, *, gap: int = 0) -> list[Fold]:
    """Expanding windows in time order: train on the first blocks, validate on the next.

    The rows are cut into ``n_folds + 1`` blocks of equal length (the first takes the rest).

    Args:
        n_rows: Rows, in time order.
        n_folds: Validation blocks.
        gap: Rows left out between training and validation.

    Raises:
        DataError: Fewer than two rows per block.

    >>> [(len(f.train), f.valid.tolist()) for f in forward_chaining(8, 3)]
    [(2, [2, 3]), (4, [4, 5]), (6, [6, 7])]
    """
    from sklearn.model_selection import TimeSeriesSplit

    _check_size(n_rows - gap, n_folds)
    block = (n_rows - gap) // (n_folds + 1)
    split = TimeSeriesSplit(n_folds, gap=gap, test_size=block).split(np.empty(n_rows))
    return [Fold(train, valid) for train, valid in split]


def kfold(y: NDArray[Any], n_folds: int, *, stratified: bool, seed: int) -> list[Fold]:
    """Shuffled folds of equal size, with equal class shares when ``stratified``.

    Args:
        y: ``(n,)`` target; class numbers when ``stratified``.
        n_folds: Number of folds.
        stratified: Keep the class shares in each fold.
        seed: Of the shuffle.

    Raises:
        DataError: Too few rows, or a class with fewer rows than folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    _check_size(len(y), n_folds)
    if stratified:
        smallest = int(np.bincount(y).min())
        if smallest < n_folds:
            raise DataError(
                f"The rarest class has {smallest} rows, fewer than the {n_folds} folds "
                "(tuning.folds); use fewer folds or leave the class out."
            )
    kind = StratifiedKFold if stratified else KFold
    split = kind(n_folds, shuffle=True, random_state=seed).split(np.empty(len(y)), y)
    return [Fold(np.sort(train), np.sort(valid)) for train, valid in split]


def folds_for(problem: Problem, prepared: Prepared, n_folds: int, *, seed: int = 0) -> list[Fold]:
    """The default split of a problem: forward chaining by time, else (stratified) k-fold.

    Raises:
        DataError: Too few rows, or a validation block in which a binary target never changes.
    """
    if prepared.time is None:
        stratified = problem.task != "regression"
        return kfold(prepared.y, n_folds, stratified=stratified, seed=seed)
    folds = forward_chaining(len(prepared.y), n_folds)
    if problem.task == "binary":
        _check_both_classes(problem, prepared, folds)
    return folds


def _check_size(n_rows: int, n_folds: int) -> None:
    if n_folds < 2 or n_rows < 2 * (n_folds + 1):
        raise DataError(
            f"{n_rows} labelled rows cannot be cut into {n_folds} folds (tuning.folds); "
            f"at least 2 folds and {2 * (n_folds + 1)} rows are needed."
        )


def _check_both_classes(problem: Problem, prepared: Prepared, folds: list[Fold]) -> None:
    for number, fold in enumerate(folds, start=1):
        for part, rows in (("training", fold.train), ("validation", fold.valid)):
            if len(np.unique(prepared.y[rows])) < 2:
                raise DataError(
                    f"The {part} rows of fold {number} hold one class of {problem.target!r} only; "
                    "use fewer folds (tuning.folds) or more history."
                )
