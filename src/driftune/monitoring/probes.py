"""Which rows the small models learn from that regret is measured with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.monitoring.regret import Strategy

FEWEST_PAIRS, MOST_PAIRS = 4, 8  # each pair has its own luck with its rows, which they judge
ENOUGH_ROWS = 1000  # of a probe: above it further rows make further pairs


@dataclass(frozen=True)
class ProbePlan:
    """How many pairs of probes there are, and how many rows each probe learns from.

    Args:
        pairs: One of a pair knows what the champion knew, the other what is known now.
        size: Rows of each; no two of one side share a row.
    """

    pairs: int
    size: int

    @property
    def rows(self) -> int:
        """Rows of one side together."""
        return self.pairs * self.size


def plan_probes(known: int, most: int) -> ProbePlan:
    """Share out the rows that the champion knew, at most ``most`` for each probe.

    >>> plan_probes(800, 2500), plan_probes(6000, 2500), plan_probes(100_000, 2500)
    (ProbePlan(pairs=4, size=200), ProbePlan(pairs=6, size=1000), ProbePlan(pairs=8, size=2500))
    """
    pairs = min(MOST_PAIRS, max(FEWEST_PAIRS, known // ENOUGH_ROWS))
    return ProbePlan(pairs, min(most, known // pairs))


def draw_probes(
    first: int, last: int, plan: ProbePlan, *, seed: int = 0
) -> list[npt.NDArray[np.int64]]:
    """Draw the rows of one probe per pair; no two of them share a row.

    A row keeps its place in the lottery while more rows arrive, so that probes on older and on
    newer data have many rows in common and differ by what is new.

    Args:
        first: Number of the first row that may be drawn, rows being numbered oldest first.
        last: The number after that of the last one.
        plan: How many of how many rows, at most ``last - first`` together.
        seed: Of the lottery.

    Returns:
        Arrays of row numbers (plan.size,), ascending.

    >>> [len(rows) for rows in draw_probes(0, 100, ProbePlan(4, 20))]
    [20, 20, 20, 20]
    >>> int(min(rows.min() for rows in draw_probes(20, 100, ProbePlan(4, 20))))
    20
    """
    lots = np.random.default_rng(seed).random(last)
    order = np.argsort(lots[first:], kind="stable") + first
    size = plan.size
    return [np.sort(order[pair * size : (pair + 1) * size]) for pair in range(plan.pairs)]


def first_row(strategy: Strategy, known: int, plan: ProbePlan) -> int:
    """Return where a retraining of this strategy begins: with all history, or the newest rows."""
    return 0 if strategy == "all_history" else known - plan.rows
