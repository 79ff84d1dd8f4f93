"""How the best number of boosting rounds grows with the rows.

On LightGBM it grew like rows^0.43 with 8 leaves and rows^0.36 with 32, so that rounds found on a
sample are too few for the full table by ``(N / n)^rho``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftune.scaling.curves.observation import Observation

DEFAULT = 0.4  # between the two that were measured


def growth_exponent(points: Iterable[Observation], default: float = DEFAULT) -> float:
    """Estimate ``rho`` in ``best rounds ~ rows^rho``.

    The median of the slopes between all pairs of points in logarithms (Theil 1950, Sen 1968), which
    a few odd fits do not move. Only pairs of one configuration count: another learning rate has
    other rounds at any size. Capped points are left out, since their best round is unknown.

    Args:
        points: Those without rounds are left out.
        default: Returned where no configuration was fitted at two different numbers of rows.

    Returns:
        Between 0 and 1.

    >>> from driftune.scaling.curves.observation import Observation
    >>> fits = [Observation(n, 0.5, rounds=round(3 * n**0.5)) for n in (100, 1600, 6400)]
    >>> round(growth_exponent(fits), 3)
    0.5
    """
    groups = defaultdict(list)
    for point in points:
        if point.rounds is not None and point.rounds > 0 and not point.capped:
            groups[point.config_id].append((np.log(point.rows), np.log(point.rounds)))
    slopes = [slope for group in groups.values() for slope in _slopes(group)]
    return float(np.clip(np.median(slopes), 0, 1)) if slopes else default


def _slopes(group: list[tuple[float, float]]) -> list[float]:
    """Return the slope between every two points of different rows."""
    return [
        float((later[1] - point[1]) / (later[0] - point[0]))
        for i, point in enumerate(group)
        for later in group[i + 1 :]
        if later[0] != point[0]
    ]
