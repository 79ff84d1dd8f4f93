"""How far clean batches wander from the reference, learnt from blocks of the reference itself.

A distance has no universal limit: in small batches it is large by chance, and a column that changes
slowly, such as the weather, differs week by week without any drift. So a batch of b rows is held
against stretches of b consecutive reference rows and what they show against the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.metrics import FloatArray

CELL = 50  # rows counted together at least; stretches begin and end on cells
_MOST_CELLS = 1000  # so that what is kept of a reference does not grow with its rows
_DRAWS = 500
NOTHING = 0.01  # a distance below this counts as this: nearly constant columns would ring by a row
_NARROWEST = 0.1  # spread of the logarithms, for the same reason; a chi-square of 200 has it
ENDLESS = 1e6  # a distance or limit above this is written as this: JSON has no infinity


def cell_rows(rows: int) -> int:
    """Return how many rows of a reference are counted together.

    >>> cell_rows(25_000), cell_rows(1_000_000)
    (50, 1000)
    """
    return max(CELL, -(-rows // _MOST_CELLS))


def size_class(rows: int) -> int:
    """Return the size whose limits hold for a batch: the next quarter power of two below.

    Limits for fewer rows are wider, so this errs on the quiet side, by at most a sixth of the rows.

    >>> size_class(2000), size_class(1800), size_class(1024)
    (1722, 1722, 1024)
    """
    return int(2 ** (np.floor(4 * np.log2(rows)) / 4))


@dataclass(frozen=True)
class Stretches:
    """Which parts of the reference stand in for a batch.

    Args:
        starts: First cell (draws, blocks) of each block.
        width: Cells per block.
        independent: How many of them fit into the reference without touching.
    """

    starts: npt.NDArray[np.int64]
    width: int
    independent: int

    @classmethod
    def draw(
        cls, cells: int, rows_per_cell: int, size: int, *, block: int | None, seed: int
    ) -> Stretches:
        """Draw stand-ins for a batch of ``size`` rows: one block, or several of ``block`` rows.

        A block is at most a fifth of the reference, unless ``block`` says otherwise.
        """
        length = block or min(size, cells * rows_per_cell // 5)
        width = min(max(1, round(length / rows_per_cell)), cells)
        blocks = max(1, round(size / (width * rows_per_cell)))
        rng = np.random.default_rng(seed)
        starts = rng.integers(cells - width + 1, size=(_DRAWS, blocks))
        return cls(starts, width, min(_DRAWS, max(2, cells // width)))

    def sums(self, cumulative: npt.NDArray[Any]) -> FloatArray:
        """Return the sums (draws, ...) over the stretches of what is cumulated over cells."""
        drawn = cumulative[self.starts + self.width] - cumulative[self.starts]
        return np.asarray(drawn.sum(axis=1), dtype=np.float64)

    @property
    def apart(self) -> bool:
        """Whether a stretch is one block, that can be held against the rest of the reference."""
        return bool(self.starts.shape[1] == 1)


@dataclass(frozen=True)
class Wandering:
    """The distance of clean batches, log-normal with as much doubt as there are few stretches.

    ``(log d - mean) / (spread * sqrt(1 + 1 / k))`` of a further stretch has Student's t
    distribution with k - 1 degrees of freedom (the prediction interval of a normal sample). For the
    weighted chi-squares that distances are, it errs on the quiet side far out in the tail.

    Args:
        mean: Of the log distances.
        spread: Their standard deviation.
        independent: k, how many stretches fit into the reference.
    """

    mean: float
    spread: float
    independent: int

    @classmethod
    def of(cls, distances: FloatArray, independent: int) -> Wandering:
        """Learn from the distances (draws,) of clean stretches."""
        logs = np.log(np.maximum(distances, NOTHING))
        return cls(float(logs.mean()), max(float(logs.std()), _NARROWEST), independent)

    def p_value(self, distance: float) -> float:
        """Return the chance that a clean batch wanders this far."""
        from scipy.special import stdtr  # Student's t; scipy.stats loads for a second

        log = np.log(max(distance, NOTHING))
        return float(stdtr(self.independent - 1, (self.mean - log) / self._doubt))

    def limit(self, chance: float) -> float:
        """Return the distance that a clean batch exceeds with this chance; at most a million."""
        from scipy.special import stdtrit

        log = self.mean - stdtrit(self.independent - 1, chance) * self._doubt
        return float(np.exp(min(log, np.log(ENDLESS))))

    @property
    def _doubt(self) -> float:
        return self.spread * float(np.sqrt(1 + 1 / self.independent))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the same order (Holm 1979).

    Rejecting those up to alpha makes any false rejection at all as rare as alpha, however the tests
    depend on each other.

    >>> holm([0.01, 0.04, 0.5])
    [0.03, 0.08, 0.5]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise UsageError(f"p-values lie in [0, 1]: {p_values}.")
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(value) for value in corrected]
