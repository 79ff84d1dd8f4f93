"""Rows against trials: what a budget of time is best spent on when both cost.

A model that is tuned by ``K`` trials on ``n`` rows loses ``A n^-a`` to the rows that it lacks and
``S K^-s`` to the trials that it lacks. With ``c n K`` seconds for them the sum is least where one
more second gains as much in rows as in trials: the compute-optimal split of Hoffmann et al. (2022,
"Training compute-optimal large language models"), trials in the place of parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = 400  # numbers of rows that are looked at, where the cost has no closed form


@dataclass(frozen=True)
class Allocation:
    """A split of a budget.

    Attributes:
        rows: Training rows.
        trials: Configurations, each on all of these rows.
        excess: Loss above what infinite rows and trials would reach.
    """

    rows: float
    trials: float
    excess: float


def allocate(
    seconds: float,
    *,
    data: tuple[float, float],
    search: tuple[float, float],
    cost: float | Callable[[float], float],
    max_rows: float = np.inf,
) -> Allocation:
    """Split a budget of time between rows and trials.

    Args:
        seconds: The budget.
        data: ``(A, a)``: ``n`` rows are ``A n^-a`` short of infinitely many.
        search: ``(S, s)``: ``K`` trials are ``S K^-s`` short of infinitely many.
        cost: Seconds of one trial per row; or a function from rows to the seconds of a trial, which
            may begin above zero.
        max_rows: Rows that there are; infinite only with a cost per row.

    Returns:
        ``n* = (a A T^s / (s S c^s))^(1/(a+s))`` and ``K* = T / (c n*)``, at most ``max_rows`` and
        at least one trial; the excess falls as ``T^(-a s / (a + s))``.

    >>> best = allocate(1e6, data=(10, 0.5), search=(1, 1), cost=1.0)
    >>> round(best.rows), round(best.trials, 1), round(best.excess, 5)
    (29240, 34.2, 0.08772)
    """
    (A, a), (S, s) = data, search

    def split(rows: float, each: float) -> Allocation:
        trials = max(1.0, seconds / each)
        return Allocation(rows, trials, float(A * rows**-a + S * trials**-s))

    if callable(cost):
        sizes = np.geomspace(1, max_rows, SIZES)
        affordable = [float(n) for n in sizes if cost(float(n)) <= seconds] or [1.0]
        return min((split(n, cost(n)) for n in affordable), key=lambda one: one.excess)
    best = (a * A * seconds**s / (s * S * cost**s)) ** (1 / (a + s)) if S > 0 else np.inf
    rows = float(min(best, max_rows, seconds / cost))
    return split(rows, cost * rows)
