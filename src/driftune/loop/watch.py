"""Watch: one observation and one decision for each batch that arrives."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from driftune.errors import ValidationFailed
from driftune.ledger import DecisionRow, ObservationRow, RetuneRow
from driftune.ledger.ledger import INVALID
from driftune.ledger.tables import now
from driftune.lineage import SNAPSHOT, snapshot_decision
from driftune.loop import shadow
from driftune.loop.late_labels import content_version, content_versions
from driftune.loop.observing import observe
from driftune.loop.overdue_labels import alert_overdue_labels
from driftune.loop.past import history
from driftune.loop.pricing import read_pricing
from driftune.loop.proof import champion_or_refuse
from driftune.loop.retune import retune_id
from driftune.monitoring import Decision
from driftune.validation import read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from driftune.monitoring import Observation
    from driftune.project import Project
    from driftune.settings import Settings

logger = logging.getLogger(__name__)


def pending_batches(project: Project, settings: Settings) -> list[str]:
    """Return what has no decision yet: new batches, and old ones whose content has changed.

    Changed means that labels have arrived late, or that a refused file was repaired. Oldest first.
    """
    known = {row.batch: row.data_version for row in project.ledger.observations(settings.name)}
    return [
        name
        for name, version in content_versions(project, settings).items()
        if name != settings.rows.stem and known.get(name) != version
    ]


def watch(project: Project, settings: Settings) -> Iterator[ObservationRow]:
    """Decide about each pending batch in turn; stop after one that asks for a retune.

    Whoever iterates sees to the retune; what arrived later is then judged by the new champion.
    Nothing is done while another process watches this problem.
    """
    with watching(project, settings) as batches:
        for name in batches:
            row = watch_batch(project, settings, name)
            yield row
            if row.decision.outcome == "queued":
                return


@contextmanager
def watching(project: Project, settings: Settings) -> Iterator[list[str]]:
    """Give the pending batches to one process at a time; the others get none.

    Afterwards there is an alert for each batch whose labels should have come by now.
    """
    lease = project.ledger.lease(f"watch:{settings.name}")
    if lease is None:
        yield []
        return
    with lease:
        yield pending_batches(project, settings)
        for row in alert_overdue_labels(project, settings):
            logger.warning(row.decision.reason)


def watch_batch(project: Project, settings: Settings, batch: str) -> ObservationRow:
    """Validate, score, observe, decide, record; the same content keeps its first decision."""
    known = project.ledger.observation(settings.name, batch)
    version = content_version(project, settings, batch)  # before: what arrives meanwhile is news
    if known is not None and known.data_version == version:
        return known
    identity = _identity(project, settings, batch, version, known)
    try:
        return decide(project, settings, identity, prepare_batch(project, settings, batch))
    except ValidationFailed as refusal:
        return record_refusal(project, settings, identity, str(refusal))


def prepare_batch(project: Project, settings: Settings, batch: str) -> DataFrame:
    """Run validation and feature engineering on one batch; returns its features.

    Raises:
        ValidationFailed: A critical expectation failed, or a column is missing.
    """
    steps = ("data_validation", "feature_engineering")
    made = project.run_pipelines(*steps, want="features", problem=settings.name, batches=[batch])
    rows: DataFrame = made[batch]().to_pandas()
    return rows


def decide(
    project: Project, settings: Settings, identity: dict[str, Any], rows: DataFrame
) -> ObservationRow:
    """Observe a batch, decide about it, and write both down.

    Labels that come late are compared with the predictions of the version that served then. They
    correct the record; where that version no longer serves they ask for nothing.

    Raises:
        ValidationFailed: The champion cannot read these rows.
    """
    batch = identity["batch"]
    champion = champion_or_refuse(project.registry(settings.name))
    known = project.ledger.observation(settings.name, batch)
    version = (known and known.champion_version) or champion
    seen = observe(project, settings, version, batch, rows)
    price = read_pricing(project, settings).price(settings.policy, seen)
    seen = replace(seen, retune_cost=price)
    if version == champion:
        decision = settings.policy.decide(
            history(project, settings, before=batch),
            seen,
            retunes_this_month=retunes_this_month(project, settings),
            usd_this_month=usd_this_month(project, settings),
        )
    else:
        decision = _corrected(seen, version)
    row = ObservationRow(
        **identity,
        kind="estimated" if seen.value is None and seen.estimate else "realised",
        champion_version=version,
        status=seen.status,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        details=_details(project, settings, seen, decision),
    )
    asks = decision.outcome == "queued"
    queued = _retune_row(project, settings, identity, decision) if asks else None
    shadow.observe(project, settings, batch, rows, rows[settings.target])
    recorded = project.ledger.record(row, _decision_row(settings, decision, queued), queued)
    shadow.finish_shadow(project, settings)
    return recorded


def _corrected(seen: Observation, version: int) -> Decision:
    """Decide nothing: what is measured here is about a version that no longer serves."""
    reason = (
        f"Labels of batch {seen.batch} have arrived: {seen.metric}"
        f" {'not measured' if seen.value is None else format(seen.value, '.4g')} of version"
        f" {version}, which no longer serves."
    )
    measured = seen.status == "ok"
    return Decision("no_drift" if measured else "insufficient_data", None, reason, breach=False)


def _details(
    project: Project, settings: Settings, seen: Observation, decision: Decision
) -> dict[str, Any]:
    """Return all that was measured, as JSON values, with what it added up to."""
    cost = seen.retune_cost.regret if seen.retune_cost else settings.policy.cost
    facts = {"accumulated": decision.accumulated, "cost": cost}
    checks = read_summary(project.root, settings.name, seen.batch or "")
    rows = snapshot_decision(project, settings, seen.batch or "")
    return asdict(seen) | {"evidence": facts, "validation": checks, SNAPSHOT: rows}


def _decision_row(settings: Settings, decision: Decision, queued: RetuneRow | None) -> DecisionRow:
    return DecisionRow(
        outcome=decision.outcome,
        trigger=decision.trigger,
        breach=decision.breach,
        reason=decision.reason,
        retune_id=queued.id if queued else None,
        policy=settings.policy.digest(),
    )


def retunes_this_month(project: Project, settings: Settings) -> int:
    """Count the retunes asked for in this calendar month (UTC), without those merged away."""
    first = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    asked = project.ledger.retunes(settings.name)
    return sum(row.requested_at >= first and row.status != "merged_into" for row in asked)


def record_refusal(
    project: Project, settings: Settings, identity: dict[str, Any], refusal: str
) -> ObservationRow:
    """Write down that a batch failed validation. Bad data alerts; it never starts a retune."""
    refusal = f"{refusal} The same file, repaired, is looked at again."
    row = ObservationRow(
        **identity,
        kind="invalid",
        status=INVALID,
        details={
            "refusal": refusal,
            "validation": read_summary(project.root, settings.name, identity["batch"]),
        },
    )
    decision = DecisionRow(
        outcome="alert", trigger="data_quality", breach=False, reason=refusal,
        policy=settings.policy.digest(),
    )  # fmt: skip
    return project.ledger.record(row, decision)


def usd_this_month(project: Project, settings: Settings) -> float:
    """Return what studies paid their language model in this calendar month (UTC), in dollars."""
    first = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return sum(row.cost_usd for row in project.ledger.spend(settings.name) if row.at >= first)


def _identity(
    project: Project, settings: Settings, batch: str, version: str, known: ObservationRow | None
) -> dict[str, Any]:
    """What makes an observation the one of this batch, this content and this policy.

    The revision is part of it: a correction that is taken back is news again.
    """
    revision = known.revision + 1 if known else 0
    parts = (settings.name, batch, version, settings.policy.digest(), str(revision))
    return {
        "key": sha256("|".join(parts).encode()).hexdigest(),
        "problem": settings.name,
        "batch": batch,
        "revision": revision,
        "sequence": len(project.ledger.observations(settings.name)),
        "data_version": version,
    }


def _retune_row(
    project: Project, settings: Settings, identity: dict[str, Any], decision: Decision
) -> RetuneRow:
    action, batch = decision.action or "retune", identity["batch"]
    recalled = {"candidate": decision.candidate, "over": decision.over}
    return RetuneRow(
        id=retune_id(
            settings,
            batch,
            action=action,
            candidate=decision.candidate,
            revision=identity["revision"],
        ),
        problem=settings.name,
        trigger=decision.trigger or "",
        action=action,
        reason=decision.reason,
        through=_newest(project, settings, batch),
        status="queued",
        details=recalled if decision.candidate is not None else {},
    )


def _newest(project: Project, settings: Settings, batch: str) -> str:
    """Return the newest batch to learn from: where labels came late, others arrived meanwhile."""
    observed = project.ledger.latest_observations(settings.name)
    good = [row.batch for row in observed if row.status != INVALID or row.batch == batch]
    return good[-1] if batch in good else batch
