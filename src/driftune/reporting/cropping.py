"""The newest part of a story, for the pictures of one decision: its past, not the whole history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftune.reporting.story import START

if TYPE_CHECKING:
    from driftune.reporting.story import Batch, Story

MOST_BATCHES = 60


def crop(story: Story, most: int = MOST_BATCHES) -> Story:
    """Return the story of its newest batches; of what came before only who served then."""
    shift = len(story.batches) - most
    if shift <= 0:
        return story
    changes = [replace(c, position=_moved(c.position, shift)) for c in story.changes]
    before = [change for change in changes if change.position == START]
    retunes = [replace(r, position=_moved(r.position, shift)) for r in story.retunes]
    return replace(
        story,
        batches=[_move(batch, shift) for batch in story.batches[shift:]],
        changes=[*before[-1:], *(change for change in changes if change.position != START)],
        retunes=[retune for retune in retunes if retune.position != START],
    )


def _move(batch: Batch, shift: int) -> Batch:
    earlier = tuple(_move(revision, shift) for revision in batch.earlier)
    return replace(batch, position=batch.position - shift, earlier=earlier)


def _moved(position: int, shift: int) -> int:
    return START if position < shift else position - shift
