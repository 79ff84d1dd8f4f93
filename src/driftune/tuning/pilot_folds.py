"""The folds of pilots: nested parts of the training rows, one sample of the validation rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.tuning.splitters import Fold
from driftune.tuning.subsets import rank_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.tuning.task import Task

FEWEST = 500  # training rows of a fold; on fewer, a boosted model is not yet on its curve
FEWEST_AT_ALL = 40  # where there are too few rows for a span of 8 from there
SPAN, MOST_SPAN = 8, 128  # the largest number of rows over the smallest
# Validation rows of a fold: every round predicts all of them, which on few training rows is most of
# the work. What their choice does to all losses alike is measured and taken out.
VALIDATION = 2_000


@dataclass(frozen=True)
class PilotFolds:
    """Folds of several sizes.

    Attributes:
        all: The folds of the sizes one after the other, and at the end those of ``whole_part`` with
            all validation rows.
        parts: One over the share of the training rows, falling to 1.
        n_folds: Folds of a size.
        whole_part: The size that is also fitted with all validation rows; ``None`` where the
            pilots see all of them.
    """

    all: list[Fold]
    parts: list[int]
    n_folds: int
    whole_part: int | None

    def numbers(self, part: int) -> range:
        """Return the numbers of a size's folds; part 0 has all validation rows."""
        level = len(self.parts) if part == 0 else self.parts.index(part)
        return range(level * self.n_folds, (level + 1) * self.n_folds)

    def rows(self, part: int) -> int:
        """Return the mean training rows of a fold of a size."""
        return round(float(np.mean([len(self.all[n].train) for n in self.numbers(part)])))


def choose_sizes(rows: int) -> list[int]:
    """Choose the sizes of pilots, as one over the share of the rows: halves of halves.

    Args:
        rows: Training rows of a fold.

    >>> choose_sizes(46_000), choose_sizes(900), choose_sizes(150)
    ([64, 32, 16, 8, 4, 2, 1], [8, 4, 2, 1], [2, 1])
    """
    most = rows / FEWEST
    if most < SPAN:
        most = min(SPAN, rows / FEWEST_AT_ALL)
    halvings = int(math.log2(max(1.0, min(most, MOST_SPAN))))
    return [2**level for level in range(halvings, -1, -1)]


def cut_pilots(task: Task) -> PilotFolds:
    """Cut a study's folds down to the sizes of pilots."""
    rows = float(np.mean([len(fold.train) for fold in task.folds]))
    parts = choose_sizes(round(rows))
    classes = task.table.y if task.table.n_classes else None
    recent = task.prepared.time is not None
    ranked = [
        _rank(fold, classes, recent, task.seed + number) for number, fold in enumerate(task.folds)
    ]
    folds = [
        Fold(np.sort(train[: max(2, len(train) // part)]), valid)
        for part in parts
        for train, valid in ranked
    ]
    if all(len(fold.valid) <= VALIDATION for fold in task.folds):
        return PilotFolds(folds, parts, len(task.folds), None)
    whole = parts[max(0, len(parts) // 2 - 1)]
    folds += [
        Fold(np.sort(train[: len(train) // whole]), fold.valid)
        for (train, _), fold in zip(ranked, task.folds, strict=True)
    ]
    return PilotFolds(folds, parts, len(task.folds), whole)


def _rank(
    fold: Fold, classes: NDArray[np.int64] | None, recent: bool, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Order the training rows so that every beginning stands for all; sample the validation."""
    rng = np.random.default_rng(seed)
    of_train = None if classes is None else classes[fold.train]
    of_valid = None if classes is None else classes[fold.valid]
    train = rank_rows(fold.train, of_train, rng, recent=recent)
    return train, np.sort(rank_rows(fold.valid, of_valid, rng)[:VALIDATION])
