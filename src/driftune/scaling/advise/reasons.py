"""Why a plan is as it is, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.advice import Alternative


def explain_rungs(chosen: Alternative, found: Sequence[Alternative], noise: float) -> str:
    """Say why there are rungs, or none; ``found`` begins with all rows at once."""
    if len(found) == 1:
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
            f" not beyond noise ({noise:.2g})."
        )
    return (
        f"{chosen.name}: {chosen.rungs[0].configs} configurations begin on"
        f" {chosen.rungs[0].rows:,} rows, and find as good a one as {chosen.worth:.0f} on all rows;"
        f" {flat.worth:.0f} of those fit into the time."
    )


def compare_with_naive(chosen: Alternative, naive: Alternative, beats: bool, noise: float) -> str:
    """Say what the naive way would reach, and whether that can be beaten."""
    said = (
        f"All rows and as many trials as fit ({naive.rungs[0].configs}) would reach about"
        f" {naive.loss:.4g}, this plan {chosen.loss:.4g}"
    )
    if beats:
        return f"{said}."
    return f"{said}: no difference beyond noise ({noise:.2g}), so it cannot be beaten here."
