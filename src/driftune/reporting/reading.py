"""Tell the story of one moment from the records: nothing that was known only later is in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from driftune.promotion.registry import CHALLENGER, CHAMPION, PREVIOUS
from driftune.reporting.records import first_version, read_records
from driftune.reporting.story import START, Batch, Change, Retuned, Story, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.ledger import ObservationRow, PromotionRow, RetuneRow
    from driftune.project import Project
    from driftune.reporting.events import Event
    from driftune.reporting.records import Records
    from driftune.settings import Settings

CLOSED = ("promoted", "refused", "rejected", "failed", "merged_into")
HIDDEN: dict[str, Any] = {
    "status": "queued", "version": None, "verdict": None, "best_params": {}, "error": None,
    "details": {}, "at": None,
}  # fmt: skip


def read_story(project: Project, settings: Settings) -> Story:
    """Collect all that the report tells about a problem."""
    return tell(read_records(project, settings))


def tell(records: Records, event: Event | None = None) -> Story:
    """Tell everything, or what was known at an event.

    Args:
        records: Of the problem.
        event: The decision after which the story ends; ``None`` for now.
    """
    settings, tracked = records.settings, records.tracked
    observed = [row for row in records.observations if event is None or event.knows(row.at)]
    changes = [row for row in records.promotions if _counts(row, event)]
    batches = _read_batches(observed, records)
    positions = {batch.name: batch.position for batch in batches}
    retunes = _read_retunes(records, observed, positions, event)
    champion = changes[-1].version if changes else None  # by the ledger; now the alias says it
    if event is None and not tracked.away:
        champion = tracked.aliases.get(CHAMPION)
    return Story(
        name=settings.name,
        target=settings.target,
        metric=settings.metric_object,
        margin=settings.gate.margin,
        champion=champion,
        first_version=first_version(changes, tracked),
        batches=batches,
        changes=[_change(row, positions) for row in changes],
        retunes=retunes,
        versions=_read_versions(records, changes, retunes, event),
        checks=records.checks if event is None else [],
        away=tracked.away,
    )


def _counts(row: PromotionRow, event: Event | None) -> bool:
    """A change is known at its moment, and to the retune that it is of."""
    return event is None or event.knows(row.at) or event.is_about(row.retune_id)


def _read_batches(observed: Sequence[ObservationRow], records: Records) -> list[Batch]:
    """One entry per batch: its newest revision, which has the earlier ones with it."""
    batches: dict[str, Batch] = {}
    for row in observed:
        before = batches.get(row.batch)
        batch = _batch(row, len(batches) if before is None else before.position, records)
        if before is not None:
            older = (*before.earlier, replace(before, earlier=()))
            batch = replace(batch, earlier=older)
        batches[row.batch] = batch
    return list(batches.values())


def _batch(row: ObservationRow, position: int, records: Records) -> Batch:
    score, rows = records.first_model.get(row.key, (None, -1))
    decision, details = row.decision, row.details
    realised = row.kind != "estimated"  # an estimate is never taken for what was measured
    return Batch(
        position=position, name=row.batch, version=row.champion_version, status=row.status,
        value=row.value if realised else None, low=row.low if realised else None,
        high=row.high if realised else None, reference=details.get("reference_value"),
        breach=decision.breach, outcome=decision.outcome, trigger=decision.trigger,
        reason=decision.reason, retune_id=decision.retune_id, first_model=score,
        same_rows=rows == details.get("rows"), revision=row.revision, at=row.at,
        data_version=row.data_version, policy=decision.policy, details=details,
    )  # fmt: skip


def _change(row: PromotionRow, positions: dict[str, int]) -> Change:
    return Change(
        position=positions.get(row.after_batch or "", START),
        version=row.version,
        previous=row.previous,
        kind=row.kind,
        reason=row.reason,
        retune_id=row.retune_id,
        after_batch=row.after_batch,
        number=row.id,
        at=row.at,
    )


def _read_retunes(
    records: Records,
    observed: Sequence[ObservationRow],
    positions: dict[str, int],
    event: Event | None,
) -> list[Retuned]:
    """All retunes, oldest first. What comes before the first promotion had no champion to beat."""
    spend = {row.retune_id: row for row in records.spend}
    asked = {row.decision.retune_id for row in observed}
    retunes, first = [], True
    for row in records.retunes:
        if event and not (event.knows(row.requested_at) or row.id in asked):
            continue
        position = positions.get(row.through or "", START)
        told = _retuned(row, position, first)
        if event is None or event.knows(row.finished_at) or event.is_about(row.id):
            paid = spend.get(row.id)
            money: dict[str, Any] = {}
            if paid:
                money = {"llm_calls": paid.calls, "llm_cost_usd": paid.cost_usd}
            retunes.append(replace(told, **_read_run(records, row.id), **money))
            first = first and row.status != "promoted"
        else:
            retunes.append(replace(told, **HIDDEN))
    return retunes


def _retuned(row: RetuneRow, position: int, first: bool) -> Retuned:
    merged = f"merged into {row.merged_into}" if row.merged_into else None
    return Retuned(
        id=row.id, position=position, first=first, trigger=row.trigger, reason=row.reason,
        status=row.status, through=row.through,
        version=row.details.get("version", row.details.get("candidate")),
        verdict=row.details.get("verdict"), best_params=row.details.get("best_params", {}),
        error=row.details.get("error") if row.status == "failed" else merged, action=row.action,
        details=row.details, at=row.finished_at,
    )  # fmt: skip


def _read_run(records: Records, retune_id: str) -> dict[str, Any]:
    """What MLflow knows of a retune; nothing where it has no run."""
    run = records.tracked.runs.get(retune_id)
    if run is None:
        return {}
    return {
        "trials": run.trials,
        "seconds": run.metrics.get("study_seconds"),
        "stop_reason": run.tags.get("driftune.stop_reason"),
        "data_version": run.tags.get("driftune.data_version"),
    }


def _read_versions(
    records: Records,
    changes: Sequence[PromotionRow],
    retunes: Sequence[Retuned],
    event: Event | None,
) -> list[Version]:
    """The registered versions: all of them now, at an event those that had a part in it."""
    tracked = records.tracked
    if event is None and not tracked.away:
        aliases = tracked.aliases
        numbers = set(tracked.versions)
    else:
        aliases = _aliases(changes, retunes, event)
        numbers = set(aliases.values())
    order = (CHAMPION, PREVIOUS, CHALLENGER)
    return [
        _version(
            number,
            tuple(alias for alias in order if aliases.get(alias) == number),
            tracked.versions.get(number, {}),
        )
        for number in sorted(numbers)
    ]


def _aliases(
    changes: Sequence[PromotionRow], retunes: Sequence[Retuned], event: Event | None
) -> dict[str, int]:
    """Who held which post, by the ledger."""
    last = changes[-1] if changes else None
    judged = [r.version for r in retunes if event and event.is_about(r.id)]
    posts = {
        CHAMPION: last.version if last else None,
        PREVIOUS: last.previous if last else None,
        CHALLENGER: judged[-1] if judged else None,
    }
    if posts[CHALLENGER] == posts[CHAMPION]:
        posts[CHALLENGER] = None
    return {alias: number for alias, number in posts.items() if number is not None}


def _version(number: int, aliases: tuple[str, ...], tags: dict[str, str]) -> Version:
    return Version(
        number=number,
        aliases=aliases,
        data_version=tags.get("driftune.data_version"),
        batches=tags.get("driftune.batches"),
        code=tags.get("driftune.code"),
        validation_score=tags.get("driftune.validation_score"),
        retune_id=tags.get("driftune.retune_id"),
    )
