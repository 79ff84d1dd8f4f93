"""Rows that cover a table: greedy k-center, every next row the farthest from those before it.

No row of the table is farther from a chosen one than twice the least that any choice of as many
could reach (Gonzalez, Theoretical Computer Science 38, 1985). As a choice of rows to learn from it
is the core-set of Sener and Savarese (ICLR 2018). It takes the odd rows first: that helps where
rare ones matter, and harms where they are noise, so a pilot should decide
(:mod:`driftune.tuning.selection_pilot`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows times chosen rows times columns. On one core of the machine that measured it 1e9 took 0.6 to
# 1.4 s (10 to 64 columns, 2,000 to 100,000 rows).
SECONDS_PER_CELL = 1e-9
MOST_CELLS = 60 / SECONDS_PER_CELL


@dataclass(frozen=True)
class Places:
    """Where the rows of a table are, column by column; all columns count alike.

    The distance is Gower's with ranks (Gower 1971, Podani 1999): the sum over the columns of the
    difference in rank, or 1 where two categories differ.

    Attributes:
        ranks: ``(p, n)`` float32. Of a numeric column the mean rank among ties, in [0, 1], and 1/2
            where it is missing; where that happens, a column of 0 and 1 for it follows.
        codes: ``(q, n)`` float32 category numbers, -1 where it is missing.
    """

    ranks: NDArray[np.float32]
    codes: NDArray[np.float32]

    @classmethod
    def of(cls, X: NDArray[np.floating[Any]], n_categorical: int = 0) -> Places:
        """Find the places of an encoded table's rows.

        Args:
            X: ``(n, p)``, as :func:`driftune.tuning.encoding.build_encoder` makes it; NaN allowed.
            n_categorical: How many of the first columns are category numbers.

        >>> Places.of(np.array([[1.0, 9.0], [0.0, 7.0], [np.nan, 800.0]]), n_categorical=1).codes
        array([[ 1.,  0., -1.]], dtype=float32)
        >>> Places.of(np.array([[7.0], [9.0], [np.nan], [800.0]])).ranks.tolist()
        [[0.0, 0.5, 0.5, 1.0], [0.0, 0.0, 1.0, 0.0]]
        """
        ranks = [row for column in X[:, n_categorical:].T for row in _rank(column)]
        codes = np.nan_to_num(X[:, :n_categorical].T, nan=-1.0)
        return cls(
            np.array(ranks, np.float32).reshape(len(ranks), len(X)),
            np.ascontiguousarray(codes, np.float32),
        )

    def take(self, rows: NDArray[np.intp]) -> Places:
        """Return the places of some of the rows."""
        return Places(
            np.ascontiguousarray(self.ranks[:, rows]), np.ascontiguousarray(self.codes[:, rows])
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.ranks.shape[1])

    @property
    def columns(self) -> int:
        """How many columns a distance adds up."""
        return len(self.ranks) + len(self.codes)

    def distances(self, row: int) -> NDArray[np.float32]:
        """Return the distance of every row to one of them, ``(n,)``; exactly 0 to its like."""
        total, apart = np.zeros(len(self), np.float32), np.empty(len(self), np.float32)
        for column in self.ranks:
            np.subtract(column, column[row], out=apart)
            np.abs(apart, out=apart)
            total += apart
        for column in self.codes:
            total += column != column[row]
        return total


def choose_spread(
    X: NDArray[np.floating[Any]],
    most: int,
    *,
    n_categorical: int = 0,
    classes: NDArray[Any] | None = None,
    seed: int = 0,
) -> NDArray[np.intp]:
    """Choose rows that cover a table, the first k of which are the choice of k.

    The target has no say, so that among like rows its values keep their shares: with each class
    covered by itself, rows of the classes would be equally frequent everywhere, which cost 5 % of
    the log loss on the flights. But the choice begins with one row of each class, for a model must
    know them all. Rows like one that is chosen come last.

    Args:
        X: ``(n, p)`` encoded table, its categorical columns first; NaN allowed.
        most: Rows to choose.
        n_categorical: How many columns are categorical.
        classes: ``(n,)`` class numbers; ``None`` for a regression.
        seed: Of the first row, and of the order of equals.

    Returns:
        ``(min(most, n),)`` row numbers, in the order in which they were chosen.

    Raises:
        UsageError: It would take minutes.

    >>> choose_spread(np.array([[0.0], [0.1], [0.2], [0.3], [5.0]]), 3, seed=1)
    array([4, 0, 2])
    """
    n = len(X)
    refuse_minutes(n, most, X.shape[1])
    places = Places.of(X, n_categorical)
    return farthest_first(places, most, np.random.default_rng(seed), classes=classes)


def farthest_first(
    places: Places, most: int, rng: np.random.Generator, *, classes: NDArray[Any] | None = None
) -> NDArray[np.intp]:
    """Order rows by farthest-first traversal, in time ``O(n most p)``.

    Args:
        places: Of the rows.
        most: How many to order.
        rng: Draws the first row, and the order of rows that are equally far.
        classes: ``(n,)`` class numbers, of each of which a row comes first.

    Returns:
        ``(min(most, n),)`` row numbers.
    """
    order = rng.permutation(len(places))
    places = places.take(order)
    given = [0] if classes is None else np.unique(classes[order], return_index=True)[1].tolist()
    given = sorted(given)[:most]  # in random order, for so are the rows
    far = np.full(len(order), np.inf, np.float32)  # to the nearest chosen row; -1: is one
    chosen = np.zeros(min(most, len(order)), np.intp)
    for step in range(len(chosen)):
        row = given[step] if step < len(given) else int(np.argmax(far))
        if step >= len(given) and far[row] == 0:  # all that are left are like a chosen one
            chosen[step:] = np.flatnonzero(far == 0)[: len(chosen) - step]
            break
        chosen[step] = row
        np.minimum(far, places.distances(row), out=far)
        far[row] = -1
    return order[chosen]


def refuse_minutes(rows: int, most: int, columns: int) -> None:
    """Refuse a table on which the choice would take minutes.

    Raises:
        UsageError: Names the limit.
    """
    cells = rows * min(most, rows) * columns
    if cells > MOST_CELLS:
        fits = int(MOST_CELLS / rows / columns)
        raise UsageError(
            f"{most:,} of {rows:,} rows of {columns} columns are too many to choose by k-center:"
            f" {cells:.1e} differences, and {MOST_CELLS:.0e} take a minute; set budget.max_rows to"
            f" at most {fits:,}, or budget.row_selection to auto."
        )


def _rank(column: NDArray[np.floating[Any]]) -> list[NDArray[np.float64]]:
    """Ranks of a column in [0, 1], and where a value is missing, a column that says so."""
    from scipy.stats import rankdata

    missing = np.isnan(column)
    known = column[~missing]
    ranks = np.full(len(column), 0.5)
    ranks[~missing] = (rankdata(known) - 1) / max(1, len(known) - 1)
    return [ranks, missing.astype(float)] if missing.any() else [ranks]
