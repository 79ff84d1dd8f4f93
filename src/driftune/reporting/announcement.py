"""The title and the first lines of a decision's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.reporting.proof import read_person

if TYPE_CHECKING:
    from driftune.reporting.story import Batch, Change, Retuned, Story

TITLES = {
    "promoted": "version {version} was promoted",
    "refused": "the challenger was refused",
    "rejected": "the challenger was rejected by a person",
    "failed": "a retune failed",
    "awaiting_approval": "version {version} waits for approval",
    "shadow": "version {version} runs in the shadow of the champion",
}
ACTIONS = {"retune": "A retune", "retrain": "A retraining", "recall": "A recall"}


def announce_decision(batch: Batch, retune: Retuned | None) -> tuple[str, list[str]]:
    """Return title and sentences of the page of a decision about a batch."""
    action = ACTIONS.get(retune.action if retune else "retune", "A retune")
    titles = {
        "queued": f"{action} was asked for after {batch.label}",
        "started": f"{action} was asked for after {batch.label}",
        "merged_into": f"{action} was asked for after {batch.label}, while one was running",
        "alert": f"Alert about {batch.label}",
        "suppressed_cooldown": f"Nothing was done about {batch.label}: cooldown",
        "insufficient_data": f"Nothing could be said about {batch.label}",
    }
    title = titles.get(batch.outcome, f"Nothing was to be done about {batch.label}")
    trigger = f"{batch.trigger.replace('_', ' ').capitalize()}: " if batch.trigger else ""
    return title, [f"{trigger}{batch.reason}"]


def announce_retune(story: Story, retune: Retuned) -> tuple[str, list[str]]:
    """Return title and sentences of the page of what became of a challenger."""
    named = TITLES[retune.status].format(version=retune.version)
    title = f"After {retune.through}: {named}" if retune.through else named.capitalize()
    person = read_person(retune)
    sentences = [f"{person}."] if person else []
    sentences.append(retune.sentence)
    if retune.status in ("refused", "rejected", "failed"):
        sentences.append(_stays(story))
    if retune.status == "awaiting_approval":
        sentences.append(
            f"`driftune approve {story.name}` puts it into service without training again;"
            f" `driftune reject {story.name}` does not. {_stays(story)}"
        )
    asked = retune.trigger.replace("_", " ")
    sentences.append(
        f"{ACTIONS.get(retune.action, 'A retune')} was asked for by {asked}: {retune.reason}"
    )
    return title, sentences


def announce_change(story: Story, change: Change) -> tuple[str, list[str]]:
    """Return title and sentences of the page of a rollback, or of a promotion by hand."""
    before = "" if change.previous is None else f"; version {change.previous} served before"
    if change.kind == "rollback":
        title = f"Version {change.version} serves again"
        first = f"Version {change.previous} was taken back: {change.reason}"
    else:
        title = f"Version {change.version} was promoted by hand"
        first = f"{change.reason}{before}."
    after = f"It was after batch {change.after_batch}." if change.after_batch else ""
    return title, [first, *filter(None, [after])]


def _stays(story: Story) -> str:
    if story.champion is None:
        return "No model is in service."
    return f"Version {story.champion} stays in service."
