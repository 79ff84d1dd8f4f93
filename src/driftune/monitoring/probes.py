"""Which rows the small models learn from that regret is measured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.monitoring.regret import Strategy

PAIRS = 4  # of probes; each pair has had its own luck with its rows, and luck is judged by four


def draw_probes(first: int, last: int, size: int, *, seed: int = 0) -> list[npt.NDArray[np.int64]]:
    """Draw the rows of one probe per pair; no two of them share a row.

    A row keeps its place in the lottery while more rows arrive, so that probes on older and on
    newer data have many rows in common and differ by what is new.

    Args:
        first: Number of the first row that may be drawn, rows being numbered oldest first.
        last: The number after that of the last one.
        size: Rows per probe, at most ``(last - first) / PAIRS``.
        seed: Of the lottery.

    Returns:
        ``PAIRS`` arrays of row numbers (size,), ascending.

    >>> [len(rows) for rows in draw_probes(0, 100, 20)]
    [20, 20, 20, 20]
    >>> int(min(rows.min() for rows in draw_probes(20, 100, 20)))
    20
    """
    lots = np.random.default_rng(seed).random(last)
    order = np.argsort(lots[first:], kind="stable") + first
    return [np.sort(order[pair * size : (pair + 1) * size]) for pair in range(PAIRS)]


def probe_size(known: int, most: int) -> int:
    """Return the rows of one probe where the champion knew ``known``: at most ``most``."""
    return min(most, known // PAIRS)


def first_row(strategy: Strategy, known: int, size: int) -> int:
    """Return where a retraining of this strategy begins: with all history, or the newest rows."""
    return 0 if strategy == "all_history" else known - PAIRS * size
