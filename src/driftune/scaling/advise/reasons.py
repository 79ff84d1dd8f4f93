"""Why a plan is as it is, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.advice import Alternative
    from driftune.scaling.advise.threshold import Threshold


def explain_rungs(
    chosen: Alternative, found: Sequence[Alternative], limit: Threshold, *, possible: bool
) -> str:
    """Say why there are rungs, or none.

    Args:
        chosen: What is recommended.
        found: What was priced; all rows at once comes first.
        limit: What a difference of losses must exceed.
        possible: Whether there are rows enough for a rung.
    """
    if not possible:
        return (
            f"{chosen.rungs[-1].rows:,} training rows of a fold are too few to look at a part of"
            " them first."
        )
    flat, best = found[0], min(found, key=lambda one: one.loss)
    saved = flat.loss - best.loss
    if saved <= 0:
        return "Rungs of fewer rows do not pay: in the same time they would find nothing better."
    if chosen.parts == (1,):
        return (
            f"Rungs of fewer rows do not pay: the best of them would lower the loss by {saved:.2g},"
            f" not beyond {limit}."
        )
    return (
        f"{chosen.name}: {chosen.rungs[0].configs} configurations begin on"
        f" {chosen.rungs[0].rows:,} rows, and find as good a one as {chosen.worth:.0f} on all rows;"
        f" {flat.worth:.0f} of those fit into the time."
    )


def compare_with_naive(chosen: Alternative, naive: Alternative, limit: Threshold) -> str:
    """Say what the naive way would reach, and whether that can be beaten."""
    said = (
        f"All rows and as many trials as fit, none of them raced ({naive.rungs[0].configs}), would"
        f" reach about {naive.loss:.4g}, this plan {chosen.loss:.4g}"
    )
    saved = naive.loss - chosen.loss
    if saved > limit.value:
        return f"{said}."
    if saved < -limit.value:
        return f"{said}: the pilots took time that trials would have used better."
    return f"{said}: no difference beyond {limit}, so it cannot be beaten here."
