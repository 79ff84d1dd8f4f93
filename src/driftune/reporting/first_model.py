"""The model that was never retrained: what would have been without driftune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.resampling import BlockDraws, Interval, block_length, percentile_interval

if TYPE_CHECKING:
    from driftune.reporting.story import Batch, Story

FEWEST_BATCHES = 8
"""Fewer batches than this give no interval: resampling them would claim more than they know."""


@dataclass(frozen=True)
class Comparison:
    """The champions in service against the first model, over the batches since the first retune.

    Attributes:
        first: First batch compared.
        last: Last one.
        batches: How many.
        champion: Mean of the champions' metric over these batches, each batch counting once.
        never_retrained: Mean of the first model's metric over the same batches.
        gain: Share of loss saved (0.1 = a tenth less); negative when retuning cost performance.
        interval: 95 % block bootstrap interval of ``gain`` over batches; ``None`` with too few.
        better: Batches in which the champion had less loss.
        left_out: Measured batches without a comparable score of the first model.
    """

    first: str
    last: str
    batches: int
    champion: float
    never_retrained: float
    gain: float
    interval: Interval | None
    better: int
    left_out: int


def compare(story: Story) -> Comparison | None:
    """Compare what served with what would have served; ``None`` before the first retune."""
    later = [c.position for c in story.changes if c.version != story.first_version]
    if not later:
        return None
    measured = [b for b in story.batches if b.position > later[0] and b.value is not None]
    usable = [b for b in measured if b.first_model is not None and b.same_rows]
    if not usable:
        return None
    return _compare(story, usable, left_out=len(measured) - len(usable))


def _compare(story: Story, batches: list[Batch], *, left_out: int) -> Comparison:
    scores = np.array([[b.value, b.first_model] for b in batches], dtype=float)
    losses = 1 - scores if story.metric.greater_is_better else scores
    ours, frozen = losses[:, 0], losses[:, 1]
    gain = float(1 - ours.mean() / frozen.mean()) if frozen.mean() else 0.0
    return Comparison(
        first=batches[0].name,
        last=batches[-1].name,
        batches=len(batches),
        champion=float(scores[:, 0].mean()),
        never_retrained=float(scores[:, 1].mean()),
        gain=gain,
        interval=_interval(ours, frozen, gain) if len(batches) >= FEWEST_BATCHES else None,
        better=int((ours < frozen).sum()),
        left_out=left_out,
    )


def _interval(
    ours: np.ndarray[tuple[int], np.dtype[np.float64]],
    frozen: np.ndarray[tuple[int], np.dtype[np.float64]],
    gain: float,
) -> Interval | None:
    """Both models are drawn in the same batches; neighbouring batches stay together."""
    if not frozen.all():
        return None
    draws = BlockDraws(len(ours), n_resamples=2000, block_length=block_length(frozen - ours))
    return percentile_interval(1 - draws.means(ours) / draws.means(frozen), gain)
