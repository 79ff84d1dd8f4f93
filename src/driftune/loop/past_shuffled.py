"""A history without its drift: blocks of neighbouring rows in random order.

What is left is what a sound stream does anyway: rows of one day fail together, batches differ. An
alarm on such a history is a false one. Blocks are as long as the first model's errors depend on
each other, so that a shuffled batch wanders about as much as a batch of the same regime does.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from driftune.resampling import block_length

if TYPE_CHECKING:
    from driftune.loop.past_rows import PastRows
    from driftune.loop.past_world import PastWorld
    from driftune.settings import Settings


def error_block(world: PastWorld) -> int:
    """Return how many neighbouring rows the first model's errors hang together over."""
    model, labels = world.retrained(0), world.history.labels
    later = np.flatnonzero(~np.isnan(labels[model.first :])) + model.first
    metric = world.settings.metric_object
    return block_length(metric.row_signal(labels[later], model.predict(later)))


def shuffle_past(past: PastRows, settings: Settings, *, block: int, seed: int) -> PastRows:
    """Put blocks of rows in random order; batches keep their sizes and their times.

    Args:
        past: The history.
        settings: Says which column is the time.
        block: Rows of a block.
        seed: Another one gives another order.
    """
    rows = np.arange(len(past.table))
    blocks = np.split(rows, np.arange(block, len(rows), block))
    order = np.random.default_rng(seed).permutation(len(blocks))
    table = past.table.iloc[np.concatenate([blocks[one] for one in order])].reset_index(drop=True)
    if settings.time:
        table[settings.time] = past.table[settings.time].to_numpy()
    key = sha256(f"{past.key}|shuffled|{block}|{seed}".encode()).hexdigest()[:16]
    return replace(past, table=table, key=key)
