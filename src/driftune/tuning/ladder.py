"""Rows as fidelity: which folds are fitted on fewer rows first, where that pays.

Boosting rounds are no fidelity: the loss after few rounds ranks by learning rate. A subset of the
rows ranks configurations well from an eighth of them on, but saves nothing below a few hundred rows
per leaf, where the cost of a fit hardly depends on the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import UsageError
from driftune.tuning.subsets import shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from driftune.tuning.splitters import Fold

ETA = 3  # each rung has so many times the rows of the one below; Hyperband's and ASHA's default
ROWS_PER_LEAF = 850  # below it half the rows cost as much: measured 670-990 (LightGBM, 20 columns)
LEAVES = 31  # of a usual model: LightGBM's default
BREAK_EVEN = ROWS_PER_LEAF * LEAVES  # rows
# Rows of a fold from which lower rungs pay. Not yet on 93,000 flights, 45,000 a fold: 16
# configurations on a third of them and the best third again on all took as long as all on all.
WORTHWHILE = 4 * BREAK_EVEN
FEWEST_OF_A_CLASS = 50  # rows of the rarest class on the lowest rung
FEWEST = 2_000  # rows on the lowest rung
FEWEST_BY_FORCE = 20  # rows on a lower rung that the caller wants


@dataclass(frozen=True)
class Rung:
    """The folds of one size.

    Attributes:
        rows: Training rows of a fold, on average: Optuna's step.
        folds: Their numbers among all folds of the study.
    """

    rows: int
    folds: tuple[int, ...]


@dataclass(frozen=True)
class Ladder:
    """The rungs of a study, from few rows to all of them.

    Attributes:
        folds: The folds of all rungs, one rung after the other.
        rungs: At least one; the last one trains on all rows and decides.
    """

    folds: list[Fold]
    rungs: list[Rung]

    @classmethod
    def flat(cls, folds: Sequence[Fold]) -> Ladder:
        """One rung with all rows."""
        return cls(list(folds), [Rung(_mean_rows(folds), tuple(range(len(folds))))])

    @classmethod
    def build(
        cls,
        folds: Sequence[Fold],
        classes: NDArray[Any] | None,
        *,
        recent: bool,
        forced: bool,
        seed: int,
    ) -> Ladder:
        """As many rungs as pay.

        Args:
            folds: With all rows.
            classes: ``(n,)`` class numbers of all rows of the table; ``None`` for a regression.
            recent: Rows are in time order; lower rungs train on more of the later ones.
            forced: Build a lower rung even where it does not pay.
            seed: Of the samples.

        Raises:
            UsageError: Too few rows for the lower rung that is wanted.
        """
        rarest = 1.0 if classes is None else float(np.bincount(classes).min() / len(classes))
        rows = _mean_rows(folds)
        parts = choose_parts(rows, rarest, forced=forced)
        cuts = [
            shrink(fold, parts[:-1], classes, recent=recent, seed=seed + number)
            for number, fold in enumerate(folds)
        ]
        every = [cut[level] for level in range(len(parts) - 1) for cut in cuts] + list(folds)
        rungs = [
            Rung(rows // part, tuple(range(level * len(folds), (level + 1) * len(folds))))
            for level, part in enumerate(parts)
        ]
        return cls(every, rungs)


def choose_parts(rows: int, rarest: float = 1.0, *, forced: bool = False) -> list[int]:
    """Choose the sizes of the rungs, as one over the share of the rows; the last is 1.

    Args:
        rows: Training rows of a fold.
        rarest: Share of the rarest class.
        forced: Have two rungs at least.

    Raises:
        UsageError: Two rungs are wanted, and there are too few rows.

    >>> choose_parts(93_000), choose_parts(120_000), choose_parts(500_000)
    ([1], [9, 3, 1], [27, 9, 3, 1])
    >>> choose_parts(500_000, rarest=0.001), choose_parts(300, forced=True)
    ([9, 3, 1], [3, 1])
    """
    if rows < WORTHWHILE and not forced:
        return [1]
    smallest = max(BREAK_EVEN / 2, FEWEST_OF_A_CLASS / rarest, FEWEST)
    parts = [1]
    while rows // (parts[0] * ETA) >= smallest:
        parts.insert(0, parts[0] * ETA)
    if forced and len(parts) == 1:
        if rows // ETA < FEWEST_BY_FORCE:
            raise UsageError(
                f"{rows} training rows per fold are too few to rank trials on a third of them:"
                f" at least {ETA * FEWEST_BY_FORCE} are needed, or tuning.pruning: race."
            )
        parts.insert(0, ETA)
    return parts


def _mean_rows(folds: Sequence[Fold]) -> int:
    return round(float(np.mean([len(fold.train) for fold in folds])))
