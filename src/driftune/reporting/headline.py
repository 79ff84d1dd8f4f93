"""The first lines of the report: what is in service, what retuning bought, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.reporting.evidence import judged
from driftune.reporting.first_model import Comparison, compare

if TYPE_CHECKING:
    from driftune.reporting.story import Retuned, Story


def write_headline(story: Story) -> list[str]:
    """Return the sentences, the most important first. Every number in them is on record."""
    comparison = compare(story)
    return [
        _in_service(story),
        _last_retune(story),
        _counts(story),
        *([_against_never(story, comparison)] if comparison else []),
    ]


def _in_service(story: Story) -> str:
    if story.champion is None:
        return (
            f"No model of {story.name} is in service yet; `driftune retune {story.name}` makes the"
            " first one."
        )
    last = story.changes[-1] if story.changes else None
    if last is None or last.version != story.champion:
        return (
            f"Version {story.champion} of {story.name} is in service; the ledger has no record of"
            " its promotion."
        )
    how = "taken back into service" if last.kind == "rollback" else "promoted"
    judged_by = [b.name for b in story.batches if b.position > last.position]
    since = f"since batch {judged_by[0]}" if judged_by else "and has not met a new batch yet"
    after = f", {how} after {last.after_batch}" if last.after_batch else f", {how} at the start"
    return f"Version {story.champion} of {story.name} is in service {since}{after}."


def _last_retune(story: Story) -> str:
    met = judged(story)
    if not met:
        first = [r for r in story.retunes if r.verdict]
        if not first:
            return "No challenger has been judged yet."
        return f"No retune has met a champion yet. The first model: {first[-1].sentence}"
    bought = [r for r in met if r.status == "promoted"]
    text = _bought(bought[-1]) if bought else "No retune has been promoted so far."
    if met[-1].status == "refused":
        text += f" The latest retune ({met[-1].id}) was refused. {met[-1].sentence}"
    return text


def _bought(retune: Retuned) -> str:
    verdict = retune.verdict
    assert verdict is not None
    gain = verdict["improvement"]
    return (
        f"The last promoted retune ({retune.id}) bought {gain['value']:.1%} less loss"
        f" ({verdict['confidence']:.0%} interval {gain['low']:.1%} to {gain['high']:.1%}):"
        f" {verdict['metric']} {verdict['challenger_score']:.4g} against"
        f" {verdict['champion_score']:.4g} of the champion of that moment, on"
        f" {verdict['rows']:,} rows that its search never saw."
    )


def _counts(story: Story) -> str:
    later = [r for r in story.retunes if not r.first]
    count = {state: sum(r.status == state for r in later) for state in ("promoted", "refused")}
    waiting = sum(r.status in ("queued", "running") for r in story.retunes)
    rejected = sum(r.status == "rejected" for r in later)
    asking = sum(r.status == "awaiting_approval" for r in later)
    shadow = sum(r.status == "shadow" for r in later)
    failed = sum(r.status == "failed" for r in story.retunes)
    backs = sum(c.kind == "rollback" for c in story.changes)
    bad = sum(b.refused for b in story.batches)
    unmeasured = sum(b.value is None and not b.refused for b in story.batches)
    parts = [
        f"{_plural(len(story.batches), 'batch', 'batches')} watched",
        _plural(sum(b.breach for b in story.batches), "breach", "breaches"),
        f"{_plural(count['promoted'], 'retune', 'retunes')} promoted",
        f"{count['refused']} refused",
    ]
    extra = [
        (bad, f"{_plural(bad, 'batch', 'batches')} refused by validation"),
        (unmeasured, f"{_plural(unmeasured, 'batch', 'batches')} without enough labels"),
        (backs, f"{_plural(backs, 'rollback', 'rollbacks')}"),
        (rejected, f"{rejected} rejected by a person"),
        (asking, f"{_plural(asking, 'challenger waits', 'challengers wait')} for approval"),
        (shadow, f"{_plural(shadow, 'challenger runs', 'challengers run')} in the shadow"),
        (failed, f"{_plural(failed, 'retune', 'retunes')} failed"),
        (waiting, f"{_plural(waiting, 'retune', 'retunes')} waiting or running"),
    ]
    return ", ".join([*parts, *(text for number, text in extra if number)]) + "."


def _against_never(story: Story, found: Comparison) -> str:
    amount = f"{abs(found.gain):.1%} {'less' if found.gain >= 0 else 'more'} loss"
    interval = found.interval
    if interval is None:
        sure = "too few batches for an interval"
    else:
        sure = f"95% interval over batches {interval.low:.1%} to {interval.high:.1%}"
    text = (
        f"Over the {_plural(found.batches, 'batch', 'batches')} watched since the first retune"
        f" ({found.first} to {found.last}), the serving champion's mean {story.metric.name} was"
        f" {found.champion:.4g}, that of version {story.first_version} had it stayed in service"
        f" {found.never_retrained:.4g}: {amount} ({sure}); the champion was better in"
        f" {found.better} of {found.batches}."
    )
    if found.left_out:
        text += f" {found.left_out} measured batches cannot be compared and are left out."
    return text


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
