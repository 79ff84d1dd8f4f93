"""What points must offer before a curve goes through them, and what it must not be trusted with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import InsufficientPoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.curves.families import Family, FloatArray
    from driftune.scaling.curves.observation import Observation

FEWEST, SPAN = 4, 8.0  # different numbers of rows, and the largest over the smallest of them


def check_span(best: Sequence[Observation]) -> None:
    """Refuse an envelope that says too little about a curve.

    Raises:
        InsufficientPoints: Fewer than four different numbers of rows, or they span less than 8x.
    """
    span = best[-1].rows / best[0].rows if best else 0.0
    if len(best) < FEWEST or span < SPAN:
        raise InsufficientPoints(
            f"A learning curve takes at least {FEWEST} different numbers of rows that span at "
            f"least {SPAN:.0f}x; there are {len(best)}, spanning {span:.1f}x."
        )


def check_families(families: Sequence[Family], points: int) -> tuple[list[Family], tuple[str, ...]]:
    """Keep the families with fewer constants than there are points.

    Returns:
        Those families, and one sentence for each of the others.

    Raises:
        InsufficientPoints: None is left.
    """
    usable = [family for family in families if family.parameters < points]
    if not usable:
        raise InsufficientPoints(
            f"{points} different numbers of rows are too few for "
            f"{', '.join(family.name for family in families)}; add one more, or use pow3."
        )
    refused = tuple(
        f"{family.name} is left out: its {family.parameters} constants take "
        f"{family.parameters + 1} different numbers of rows, there are {points}."
        for family in families
        if family not in usable
    )
    return usable, refused


def rises(losses: FloatArray, se: FloatArray) -> bool:
    """Return whether a loss (p,) exceeds the one before it by two standard errors of both.

    >>> rises(np.array([3.0, 2.0, 2.5]), np.full(3, 0.1))
    True
    """
    return bool(
        np.any(np.diff(losses) > np.maximum(2 * np.hypot(se[1:], se[:-1]), 1e-9 * losses[1:]))
    )
