"""Fixed schedules of retraining, without a gate: never, always, and the best in hindsight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from driftune.monitoring.backtest import Replayed, Step, mean_of
from driftune.monitoring.oracle import best_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.monitoring.world import World


def follow(world: World, name: str, retrainings: Sequence[int]) -> Replayed:
    """Replay a fixed schedule without a gate: every model serves as soon as its labels are there.

    Args:
        world: The history.
        name: Of the schedule.
        retrainings: Batches after whose labels a model of everything known takes over.
    """
    steps, serving = [], 0
    for batch in range(1, len(world.names)):
        ready = [last for last in retrainings if last + world.label_delay < batch]
        serving = max(ready, default=0)
        steps.append(
            Step(
                world.names[batch],
                1 + len(ready),
                world.names[serving],
                world.value(world.retrained(serving), batch),
                outcome="queued" if batch in retrainings else "scheduled",
            )
        )
    used = [last for last in retrainings if last + world.label_delay < len(world.names) - 1]
    return Replayed(
        name,
        "schedule",
        tuple(steps),
        mean_of([step.value for step in steps]),
        retunes=len(used),
        promotions=len(used),
        fits=len(used),
        seconds=sum(world.retrained(last).seconds for last in used),
    )


def never(world: World) -> Replayed:
    """The first model for ever."""
    return follow(world, "never", ())


def always(world: World) -> Replayed:
    """A new model after every batch, without a gate."""
    return follow(world, "always", range(1, len(world.names) - 1))


def oracle(world: World, most: int | None = None) -> Replayed:
    """The best of all schedules with at most so many retrainings, in hindsight, without a gate."""
    n, delay = len(world.names) - 1, world.label_delay
    losses = np.full((n, n), np.nan)
    for slot in range(n):
        for batch in range(slot + 1, n + 1):
            value = world.value(world.retrained(max(0, slot - delay)), batch)
            losses[slot, batch - 1] = math.nan if value is None else world.loss(value)
    name = "oracle" if most is None else f"oracle of {most}"
    chosen = [slot - delay for slot in best_schedule(losses, most) if slot > delay]
    return follow(world, name, chosen)


def share_of_gain(world: World, one: Replayed, least: Replayed, most: Replayed) -> float | None:
    """Return which share of what ``most`` gains over ``least`` another replay gains; 1 is all.

    None where that gain is not above zero, or nothing could be measured.
    """
    if one.mean is None or least.mean is None or most.mean is None:
        return None
    whole = world.loss(least.mean) - world.loss(most.mean)
    return (world.loss(least.mean) - world.loss(one.mean)) / whole if whole > 0 else None
