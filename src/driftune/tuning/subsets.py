"""Fewer rows of a fold that rank configurations like all of them: nested, stratified, or recent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.tuning.splitters import Fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_VALIDATION_ROWS = 25_000  # of a rung below the top; more cost time and hardly sharpen a score


def rank_rows(
    rows: NDArray[np.intp], classes: NDArray[Any] | None, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Order rows so that the first of them, however many, stand for all.

    Args:
        rows: ``(n,)`` row numbers.
        classes: ``(n,)`` class numbers of these rows; each class keeps its share in every
            beginning, and the first k rows hold all k classes. ``None`` for a regression.
        rng: Decides among equals.

    Returns:
        The same row numbers, ``(n,)``.

    >>> rng = np.random.default_rng(0)
    >>> ranked = rank_rows(np.arange(9), np.array([0, 0, 0, 0, 0, 0, 1, 1, 1]), rng)
    >>> sorted((ranked[:3] > 5).tolist()), sorted((ranked[:6] > 5).tolist())
    ([False, False, True], [False, False, False, False, True, True])
    """
    shuffled = rng.permutation(len(rows))
    if classes is None:
        return rows[shuffled]
    place = np.empty(len(rows))  # of each row in its class, as a share of it
    for members in _by_class(classes[shuffled]):
        place[shuffled[members]] = np.arange(len(members)) / len(members)
    return rows[shuffled[np.argsort(place[shuffled], kind="stable")]]


def _by_class(classes: NDArray[Any]) -> list[NDArray[np.intp]]:
    order = np.argsort(classes, kind="stable")
    ends = np.flatnonzero(np.diff(classes[order])) + 1
    return list(np.split(order, ends))


def shrink(
    fold: Fold, parts: list[int], classes: NDArray[Any] | None, *, newest: bool, seed: int
) -> list[Fold]:
    """Cut a fold down, once for each of ``parts``.

    A smaller cut is a part of every larger one. Validation rows stay, up to
    :data:`MOST_VALIDATION_ROWS`.

    Args:
        fold: With all its rows.
        parts: One over the share of the training rows to keep: 3 keeps a third.
        classes: ``(n_table,)`` class numbers of all rows of the table, or ``None``.
        newest: Keep the newest rows, not a sample of all.
        seed: Of the sample.
    """
    rng = np.random.default_rng(seed)
    if newest:
        ranked = fold.train[::-1]
    else:
        ranked = rank_rows(fold.train, _of(classes, fold.train), rng)
    valid = fold.valid
    if len(valid) > MOST_VALIDATION_ROWS:
        valid = np.sort(rank_rows(valid, _of(classes, valid), rng)[:MOST_VALIDATION_ROWS])
    return [Fold(np.sort(ranked[: len(ranked) // part]), valid) for part in parts]


def _of(classes: NDArray[Any] | None, rows: NDArray[np.intp]) -> NDArray[Any] | None:
    return None if classes is None else classes[rows]
