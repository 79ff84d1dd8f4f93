"""What a boosted fit costs in seconds.

Seconds are not proportional to rows: every leaf of every round costs something however few rows it
holds. So there is a number of rows below which a smaller sample saves next to nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError, InsufficientPoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.curves.families import FloatArray
    from driftune.scaling.curves.observation import Observation

FEWEST = 3  # fits; one per constant


@dataclass(frozen=True)
class CostModel:
    """Seconds of one fit, ``c0 + c1 rows rounds + c2 rounds leaves``.

    Args:
        c0: Seconds to start.
        c1: Seconds per row and round.
        c2: Seconds per leaf and round.
        error: Median relative error on the fits it was made from.

    >>> cost = CostModel(c0=0.5, c1=2.5e-7, c2=2e-4, error=0.0)
    >>> round(cost.seconds(24_000, 300, 31), 2), round(cost.break_even(31))
    (4.16, 24800)
    """

    c0: float
    c1: float
    c2: float
    error: float

    def seconds(self, rows: float, rounds: float, leaves: float) -> float:
        """Predict the seconds of one fit."""
        return self.c0 + self.c1 * rows * rounds + self.c2 * rounds * leaves

    def break_even(self, leaves: float) -> float:
        """Return the rows at which rows cost as much as leaves do.

        Below them a subsample saves less than half of what its share of the rows suggests.
        Infinite where rows cost nothing.
        """
        if self.c2 == 0:
            return 0.0
        return self.c2 / self.c1 * leaves if self.c1 > 0 else math.inf


def fit_cost(points: Sequence[Observation]) -> CostModel:
    """Fit the three constants, none negative, by least squares of the relative error.

    Points without seconds, rounds or leaves are left out. Constants that the fits cannot tell
    apart (all of one size, say) share the cost between them as they happen to.

    Raises:
        InsufficientPoints: Fewer than three points with seconds, rounds and leaves.
        DataError: Seconds that are not finite or not above 0.
    """
    from scipy.optimize import nnls

    design, seconds = _timed(points)
    if len(seconds) < FEWEST:
        raise InsufficientPoints(
            f"A cost model takes at least {FEWEST} fits with seconds, rounds and leaves; "
            f"there are {len(seconds)}."
        )
    if not (np.isfinite(seconds).all() and (seconds > 0).all()):
        raise DataError("The seconds of a fit must be finite and above 0.")
    relative = design / seconds[:, None]
    unit = np.maximum(np.linalg.norm(relative, axis=0), 1e-300)  # columns differ by 1e7
    scaled, _ = nnls(relative / unit, np.ones(len(seconds)))
    constants = scaled / unit
    error = float(np.median(np.abs(relative @ constants - 1)))
    c0, c1, c2 = (float(constant) for constant in constants)
    return CostModel(c0, c1, c2, error)


def _timed(points: Sequence[Observation]) -> tuple[FloatArray, FloatArray]:
    """Return (p, 3) columns of the model and (p,) seconds of the complete points."""
    rows = [
        (1.0, float(point.rows * point.rounds), float(point.rounds * point.leaves), point.seconds)
        for point in points
        if point.seconds is not None and point.rounds is not None and point.leaves is not None
    ]
    table = np.array(rows, dtype=float).reshape(-1, 4)
    return table[:, :3], table[:, 3]
