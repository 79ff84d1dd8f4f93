"""Which rows, where not all may be used: does a choice of them beat a sample?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEEDS = 5  # that a choice must win over; fewer decide nothing
NAMES = {"k_center": "k-center"}


@dataclass(frozen=True)
class Selection:
    """What a choice of rows brings.

    Attributes:
        method: ``k_center``.
        gain: By how much the loss falls, the mean over the seeds; ``None`` where nothing was tried.
        error: Standard error of that mean; ``None`` for fewer than two seeds.
        seeds: How many were tried.
        rows: Rows of the table that were chosen.
        worth: Whether to take the choice: a gain, and at least one standard error of it.
        reason: Why, in one sentence.
    """

    method: str
    gain: float | None
    error: float | None
    seeds: int
    rows: int
    worth: bool
    reason: str


def judge_selection(
    chosen: Sequence[float],
    rivals: Mapping[str, Sequence[float]],
    *,
    rows: int,
    asked: int | None = None,
    usual: str = "the random sample",
    method: str = "k_center",
) -> Selection:
    """Judge a choice of rows by its paired difference to the best of its rivals.

    Args:
        chosen: Loss with the chosen rows, for each seed.
        rivals: The same with rows that could be used otherwise, by what so many are called.
        rows: Rows of the table that were chosen.
        asked: Rows that are to be chosen; ``None`` for ``rows``.
        usual: What a search uses otherwise.
        method: How they were chosen.

    >>> judge_selection([0.9, 1.1, 1, 1, 1], {"the newest": [1.2] * 5}, rows=2000).worth
    True
    """
    name = NAMES.get(method, method)
    seeds, asked = len(chosen), asked or rows
    if not seeds:
        reason = f"{name} rows were not tried, for want of time: keep {usual}."
        return Selection(method, None, None, 0, rows, False, reason)
    rival = min(rivals, key=lambda one: float(np.mean(rivals[one])))
    differences = np.subtract(rivals[rival], chosen)
    gain = float(np.mean(differences))
    error = float(np.std(differences, ddof=1) / math.sqrt(seeds)) if seeds > 1 else None
    worth = seeds >= SEEDS and error is not None and gain > 0 and gain >= error
    of = f"{rows:,}" if asked == rows else f"{rows:,} ({asked:,} would take too long to try)"
    reason = (
        f"{name} rows would {'lower' if gain > 0 else 'raise'} the loss by {abs(gain):.2g}"
        f"{'' if error is None else f' +- {error:.2g}'} against {rival} {of}"
    )
    return Selection(
        method, gain, error, seeds, rows, worth, reason + _verdict(worth, seeds, gain, usual)
    )


def _verdict(worth: bool, seeds: int, gain: float, usual: str) -> str:
    if worth:
        return (
            ": take them; a study's scores are then scores on such rows, not those expected here."
        )
    if seeds < SEEDS:
        return f", by {seeds} of {SEEDS} seeds for want of time: keep {usual}."
    return f": {'not by one standard error, so ' if gain > 0 else ''}keep {usual}."
