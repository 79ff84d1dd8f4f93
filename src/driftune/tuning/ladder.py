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
from driftune.scaling.advise.rungs import ETA, ROWS_PER_LEAF, rung_parts
from driftune.tuning.subsets import shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from driftune.tuning.splitters import Fold

LEAVES = 31  # of a usual model: LightGBM's default
# Four times as many rows are worth a lower rung. Not yet 93,000 flights, 45,000 a fold: 16
# configurations on a third of them and the best third again on all took as long as all on all.
BREAK_EVEN = ROWS_PER_LEAF * LEAVES
FEWEST_BY_FORCE = 20  # rows on a lower rung that the caller wants


@dataclass(frozen=True)
class Rung:
    """The folds of one size.

    Attributes:
        rows: Training rows of a fold, on average: Optuna's step.
        folds: Their numbers among all folds of the study.
        part: One over the share of the rows.
    """

    rows: int
    folds: tuple[int, ...]
    part: int = 1


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
        parts: Sequence[int] | None = None,
    ) -> Ladder:
        """As many rungs as pay, or those that are given.

        Args:
            folds: With all rows.
            classes: ``(n,)`` class numbers of all rows of the table; ``None`` for a regression.
            recent: Rows are in time order; lower rungs train on more of the later ones.
            forced: Build a lower rung even where it does not pay.
            seed: Of the samples.
            parts: The sizes, as :func:`check_rungs` returns them; ``None`` to choose them.

        Raises:
            UsageError: Too few rows for the lower rung that is wanted.
        """
        rarest = rarest_share(classes)
        rows = _mean_rows(folds)
        if parts is None:
            parts = choose_parts(rows, rarest, forced=forced)
        else:
            _refuse_tiny(min(len(fold.train) for fold in folds), parts)
        cuts = [
            shrink(fold, list(parts[:-1]), classes, recent=recent, seed=seed + number)
            for number, fold in enumerate(folds)
        ]
        every = [cut[level] for level in range(len(parts) - 1) for cut in cuts] + list(folds)
        rungs = [
            Rung(rows // part, tuple(range(level * len(folds), (level + 1) * len(folds))), part)
            for level, part in enumerate(parts)
        ]
        return cls(every, rungs)


def rarest_share(classes: NDArray[Any] | None) -> float:
    """Share of the rarest class among ``(n,)`` class numbers; 1 for a regression."""
    return 1.0 if classes is None else float(np.bincount(classes).min() / len(classes))


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
    parts = rung_parts(rows, break_even=BREAK_EVEN, rarest=rarest, forced=forced)
    if forced and len(parts) == 1:
        if rows // ETA < FEWEST_BY_FORCE:
            raise UsageError(
                f"{rows} training rows per fold are too few to rank trials on a third of them:"
                f" at least {ETA * FEWEST_BY_FORCE} are needed, or tuning.pruning: race."
            )
        parts.insert(0, ETA)
    return parts


def check_rungs(rungs: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the sizes of rungs that the user has chosen; ``None`` for none chosen.

    Raises:
        UsageError: They are not distinct whole numbers that fall to 1.

    >>> check_rungs([9, 3, 1])
    (9, 3, 1)
    """
    if rungs is None:
        return None
    listed = isinstance(rungs, list | tuple)
    whole = listed and all(isinstance(p, int) and not isinstance(p, bool) for p in rungs)
    if not whole or not rungs or rungs[-1] != 1 or sorted(set(rungs), reverse=True) != [*rungs]:
        raise UsageError(
            f"tuning.rungs is {rungs!r}; it must be a list of distinct whole numbers that fall to"
            " 1, one over the share of the rows: [9, 3, 1] begins with a ninth, [1] has no rungs."
        )
    return tuple(rungs)


def _refuse_tiny(rows: int, parts: Sequence[int]) -> None:
    """Refuse a lowest rung whose smallest fold cannot rank trials."""
    if len(parts) > 1 and rows // parts[0] < FEWEST_BY_FORCE:
        raise UsageError(
            f"tuning.rungs {list(parts)} begins with {rows // parts[0]} of the {rows} training rows"
            f" of the smallest fold: at least {FEWEST_BY_FORCE} are needed, so that the first part"
            f" can be at most {rows // FEWEST_BY_FORCE}."
        )


def _mean_rows(folds: Sequence[Fold]) -> int:
    return round(float(np.mean([len(fold.train) for fold in folds])))
