"""The page of one decision: what was known when it was made, and the proof that it rests on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match
from driftune.files import replace_file
from driftune.reporting.announcement import announce_change, announce_decision, announce_retune
from driftune.reporting.cropping import MOST_BATCHES, crop
from driftune.reporting.drift import draw_drift, read_drift
from driftune.reporting.events import FOLDER, Event, decision_event, find_events
from driftune.reporting.links import Links
from driftune.reporting.observation import describe_observation, read_validated
from driftune.reporting.page import render_page
from driftune.reporting.proof import read_proof
from driftune.reporting.reading import tell
from driftune.reporting.regret import draw_regret, read_recall
from driftune.reporting.spent import add_up
from driftune.reporting.timeline import draw_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.reporting.records import Records
    from driftune.reporting.story import Batch, Change, Check, Retuned, Story
    from driftune.settings import Settings

INCOMPLETE = b'name="driftune-page" content="incomplete"'


def write_decisions(records: Records) -> list[Path]:
    """Write the pages that are missing, oldest first; a page that is whole is never touched again.

    One that was written while MLflow was away is completed, with what was known at its moment.

    Returns:
        The pages written.
    """
    return [path for event in find_events(records) if (path := _write(records, event))]


def write_batch(records: Records, batch: str) -> list[Path]:
    """Write the pages about one batch that are missing, also when it was decided to do nothing.

    Returns:
        All pages about it: the decision about each revision, then what became of its retune.

    Raises:
        UsageError: No such batch has been watched.
    """
    name, home = records.settings.name, records.project.reports / records.settings.name
    revisions = [row for row in records.observations if row.batch == batch]
    if not revisions:
        known = [row.batch for row in records.observations]
        raise UsageError(
            f"No decision about a batch {batch!r} of {name!r} is on record."
            f"{close_match(batch, known)}"
        )
    events = [decision_event(row) for row in revisions]
    for event in events:
        _write(records, event)
    asked = {row.decision.retune_id for row in revisions}
    ends = [e for e in find_events(records) if e.kind == "retune" and e.key in asked]
    return [event.path(home) for event in (*events, *ends)]


def _write(records: Records, event: Event) -> Path | None:
    """Write a page unless it is there and whole."""
    target = event.path(records.project.reports / records.settings.name)
    if target.is_file():
        with target.open("rb") as file:
            if INCOMPLETE not in file.read(2000) or records.tracked.away:
                return None
    page = render_decision(records, event)
    with replace_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def render_decision(records: Records, event: Event) -> str:
    """Return the page of a decision."""
    from driftune.reporting.study import read_study  # loads Optuna

    story = tell(records, event)
    home = records.project.reports / records.settings.name
    links = Links(home, home / FOLDER)
    batch = _find_batch(story, event)
    retune = next((r for r in story.retunes if event.is_about(r.id)), None)
    change = next((c for c in story.changes if event.key == str(c.number)), None)
    near = crop(story)
    title, headline = _announce(story, event, batch, retune, change)
    drift = read_drift(batch) if batch else None
    return render_page(
        "decision.html",
        story=story, event=event, links=links, title=title, headline=headline, batch=batch,
        most_batches=MOST_BATCHES,
        timeline_picture=draw_timeline(near, _find_batch(near, event)),
        facts=describe_observation(story, batch) if batch else [],
        asked_by=links.decision(batch) if batch and event.kind == "retune" else None,
        proof=read_proof(retune, story.margin),
        drift=drift,
        drift_picture=draw_drift(drift, batch) if drift and batch else "",
        regret_picture=draw_regret(near),
        recall=read_recall(batch) if batch else [],
        validation=read_validated(batch, _find_check(records, batch), links),
        study=read_study(records, retune) if retune else None,
        policy=_policy(records.settings, batch),
        spent=add_up([retune] if retune else story.retunes),
        back=story.changes[-1].previous if story.changes else None,
    )  # fmt: skip


def _announce(
    story: Story, event: Event, batch: Batch | None, retune: Retuned | None, change: Change | None
) -> tuple[str, list[str]]:
    if event.kind == "retune" and retune is not None:
        return announce_retune(story, retune)
    if event.kind == "change" and change is not None:
        return announce_change(story, change)
    assert batch is not None  # a decision is about a batch
    asked = next((r for r in story.retunes if r.id == batch.retune_id), None)
    return announce_decision(batch, asked)


def _find_batch(story: Story, event: Event) -> Batch | None:
    """The batch that the event is about, as it was seen then."""
    found = [seen for seen in story.observed if seen.name == event.batch]
    return found[-1] if found else None


def _find_check(records: Records, batch: Batch | None) -> Check | None:
    """The validation report of these rows; ``None`` when the batch has come again since."""
    if batch is None:
        return None
    newest = max(row.revision for row in records.observations if row.batch == batch.name)
    found = [check for check in records.checks if check.batch == batch.name]
    return found[0] if found and newest == batch.revision else None


def _policy(settings: Settings, batch: Batch | None) -> str:
    """The policy's settings, when they are still those that decided; else their digest."""
    if batch is None:
        return ""
    if batch.policy != settings.policy.digest():
        return f"digest {batch.policy}; its settings have changed since"
    values: dict[str, Any] = asdict(settings.policy)
    return ", ".join(f"{key} = {value}" for key, value in values.items() if value is not None)
