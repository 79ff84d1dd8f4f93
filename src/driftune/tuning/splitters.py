"""Ways to cut rows into folds: forward in time, shuffled, stratified, with groups kept whole.

Each returns the folds of one pass; :class:`driftune.tuning.Splitter` chooses among them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Fold:
    """Row numbers of one split; ``train`` and ``valid`` share no row.

    Attributes:
        train: ``(n_train,)`` ascending row numbers.
        valid: ``(n_valid,)`` ascending row numbers.
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]


def forward_chaining(
    n_rows: int, n_folds: int, *, gap: int = 0, rolling: bool = False
) -> list[Fold]:
    """Windows in time order: train on the first blocks, validate on the next.

    The rows are cut into ``n_folds + 1`` blocks of equal length (the first takes the rest).

    Args:
        n_rows: Rows, in time order.
        n_folds: Validation blocks.
        gap: Rows left out between training and validation.
        rolling: Every fold trains on as many rows as the first, its newest, instead of on all.

    Raises:
        DataError: Fewer than two rows per block.

    >>> [(len(f.train), f.valid.tolist()) for f in forward_chaining(8, 3)]
    [(2, [2, 3]), (4, [4, 5]), (6, [6, 7])]
    >>> [f.train.tolist() for f in forward_chaining(8, 3, rolling=True)]
    [[0, 1], [2, 3], [4, 5]]
    """
    from sklearn.model_selection import TimeSeriesSplit

    check_size(n_rows - gap, n_folds)
    block = (n_rows - gap) // (n_folds + 1)
    window = n_rows - gap - n_folds * block if rolling else None
    cut = TimeSeriesSplit(n_folds, gap=gap, test_size=block, max_train_size=window)
    return _folds(cut.split(np.empty(n_rows)))


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

    check_size(len(y), n_folds)
    if stratified:
        _check_classes(y, n_folds)
    kind = StratifiedKFold if stratified else KFold
    return _folds(kind(n_folds, shuffle=True, random_state=seed).split(np.empty(len(y)), y))


def group_kfold(
    y: NDArray[Any],
    groups: NDArray[np.intp],
    n_folds: int,
    *,
    stratified: bool,
    seed: int,
    name: str = "group",
) -> list[Fold]:
    """Shuffled folds in which all rows of a group are on one side.

    Args:
        y: ``(n,)`` target; class numbers when ``stratified``.
        groups: ``(n,)`` number of each row's group.
        n_folds: Number of folds.
        stratified: Keep the class shares in each fold, as far as whole groups allow.
        seed: Of the shuffle.
        name: Of the column, for messages.

    Raises:
        DataError: Too few rows, or fewer groups, or rows of a class, than folds.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    check_size(len(y), n_folds)
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise DataError(
            f"The column {name!r} has {n_groups} groups, fewer than the {n_folds} folds"
            " (tuning.folds)."
        )
    if stratified:
        _check_classes(y, n_folds)
    kind = StratifiedGroupKFold if stratified else GroupKFold
    cut = kind(n_folds, shuffle=True, random_state=seed)
    return _folds(cut.split(np.empty(len(y)), y, groups))


def keep_groups_apart(folds: Sequence[Fold], groups: NDArray[np.intp]) -> list[Fold]:
    """Leave out the training rows whose group is validated on.

    >>> fold = Fold(np.array([0, 1, 2]), np.array([3, 4]))
    >>> keep_groups_apart([fold], np.array([0, 0, 1, 1, 2]))[0].train
    array([0, 1])
    """
    shared = [np.isin(groups[fold.train], groups[fold.valid]) for fold in folds]
    return [Fold(f.train[~out], f.valid) for f, out in zip(folds, shared, strict=True)]


def keep_time_apart(folds: Sequence[Fold], time: pd.Series[Any], gap: pd.Timedelta) -> list[Fold]:
    """Leave out the training rows later than ``gap`` before the first validation row.

    Args:
        folds: Forward in time.
        time: ``(n,)`` time stamps, ascending.
        gap: How late labels come.
    """
    ends = [time.searchsorted(time.iloc[fold.valid[0]] - gap, side="right") for fold in folds]
    return [Fold(f.train[f.train < end], f.valid) for f, end in zip(folds, ends, strict=True)]


def folds_digest(folds: Sequence[Fold]) -> str:
    """A digest of which rows train and which validate."""
    digest = hashlib.sha256()
    for fold in folds:
        for rows in (fold.train, fold.valid):
            digest.update(f"{len(rows)}:".encode())
            digest.update(rows.astype("int64").tobytes())
    return digest.hexdigest()


def check_size(n_rows: int, n_folds: int) -> None:
    """Refuse what cannot be cut.

    Raises:
        DataError: Fewer than two folds, or than two rows per fold and two more.
    """
    if n_folds < 2 or n_rows < 2 * (n_folds + 1):
        raise DataError(
            f"{n_rows} labelled rows cannot be cut into {n_folds} folds (tuning.folds); "
            f"at least 2 folds and {2 * (n_folds + 1)} rows are needed."
        )


def _check_classes(y: NDArray[Any], n_folds: int) -> None:
    counts = np.bincount(y)
    smallest = int(counts[counts > 0].min())
    if smallest < n_folds:
        raise DataError(
            f"The rarest class has {smallest} rows, fewer than the {n_folds} folds "
            "(tuning.folds); use fewer folds or leave the class out."
        )


def _folds(split: Iterable[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> list[Fold]:
    return [Fold(np.sort(train), np.sort(valid)) for train, valid in split]
