"""One pilot fit: what it cost, and how good it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Observation:
    """A fit on a part of the rows.

    Args:
        rows: Training rows, at least 1.
        loss: On held-out rows, lower is better; positive for a curve to be fitted.
        se: Standard error of ``loss``, in its unit.
        seconds: Wall time of one fit.
        rounds: The best boosting round.
        leaves: Of one tree.
        fidelity: Share of all rows, in (0, 1].
        config_id: Names the hyperparameters; points of one configuration share it.
        capped: The cap on rounds was binding: a longer fit may have been better.
    """

    rows: int
    loss: float
    se: float | None = None
    seconds: float | None = None
    rounds: int | None = None
    leaves: int | None = None
    fidelity: float = 1.0
    config_id: str = ""
    capped: bool = False


def envelope(points: Iterable[Observation]) -> list[Observation]:
    """Keep the best point of each number of rows, in ascending order of rows.

    The best configuration changes with the rows, so a curve through one configuration ends above
    what a tuned model reaches. Of two equal losses the first stays.

    >>> tried = [Observation(200, 0.4), Observation(100, 0.6), Observation(100, 0.5)]
    >>> [(point.rows, point.loss) for point in envelope(tried)]
    [(100, 0.5), (200, 0.4)]
    """
    best: dict[int, Observation] = {}
    for point in points:
        kept = best.get(point.rows)
        if kept is None or point.loss < kept.loss:
            best[point.rows] = point
    return [best[rows] for rows in sorted(best)]


def check_points(points: Sequence[Observation]) -> None:
    """Refuse points that no curve with a floor can go through.

    Raises:
        DataError: A loss that is not finite or not above 0, a standard error that is negative or
            not finite, or fewer than one row.
    """
    for point in points:
        if not (math.isfinite(point.loss) and point.loss > 0):
            raise DataError(
                f"The loss at {point.rows} rows is {point.loss}; a learning curve needs finite "
                "losses above 0 (for a score such as AUC, pass 1 - score)."
            )
        if point.se is not None and not (math.isfinite(point.se) and point.se >= 0):
            raise DataError(
                f"The standard error at {point.rows} rows is {point.se}; "
                "it must be finite and not negative, or None."
            )
        if point.rows < 1:
            raise DataError(f"A point has {point.rows} rows; it must have at least 1.")
