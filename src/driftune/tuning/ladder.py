"""Rows as fidelity: which folds are fitted on fewer rows first, where that pays.

Boosting rounds are no fidelity: the loss after few rounds ranks by learning rate. A subset of the
rows ranks configurations well from an eighth of them on, but saves nothing below a few hundred rows
per leaf, where the cost of a fit hardly depends on the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.tuning.splitters import Fold

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        rows = round(float(np.mean([len(fold.train) for fold in folds])))
        return cls(list(folds), [Rung(rows, tuple(range(len(folds))))])
