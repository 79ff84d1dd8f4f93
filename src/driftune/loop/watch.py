"""Watch: one observation and one decision for each batch that arrives."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError, DriftuneError, ValidationFailed
from driftune.ledger import DecisionRow, ObservationRow, RetuneRow
from driftune.ledger.ledger import INVALID
from driftune.ledger.tables import now
from driftune.lineage import file_version
from driftune.loop.proof import champion_or_refuse
from driftune.loop.retune import retune_id
from driftune.monitoring import PastDecision, PerformanceMonitor
from driftune.resampling import Interval
from driftune.scoring import score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings


def pending_batches(project: Project, settings: Settings) -> list[str]:
    """Return the batches that have arrived and have no decision yet, oldest first."""
    seen = {row.batch for row in project.ledger.observations(settings.name)}
    return [name for name in settings.batch_files() if name not in seen | {settings.rows.stem}]


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
    """Give the pending batches to one process at a time; the others get none."""
    lease = project.ledger.lease(f"watch:{settings.name}")
    if lease is None:
        yield []
        return
    with lease:
        yield pending_batches(project, settings)


def watch_batch(project: Project, settings: Settings, batch: str) -> ObservationRow:
    """Validate, score, observe, decide, record; a batch on record keeps its first decision."""
    known = project.ledger.observation(settings.name, batch)
    if known is not None:
        return known
    try:
        return decide(project, settings, batch, prepare_batch(project, settings, batch))
    except ValidationFailed as refusal:
        return record_refusal(project, settings, batch, str(refusal))


def prepare_batch(project: Project, settings: Settings, batch: str) -> DataFrame:
    """Run validation and feature engineering on one batch; returns its features.

    Raises:
        ValidationFailed: A critical expectation failed, or a column is missing.
    """
    steps = ("data_validation", "feature_engineering")
    made = project.run_pipelines(*steps, want="features", problem=settings.name, batches=[batch])
    rows: DataFrame = made[batch]().to_pandas()
    return rows


def decide(project: Project, settings: Settings, batch: str, rows: DataFrame) -> ObservationRow:
    """Score a batch with the champion, observe, decide, and write both down.

    Raises:
        ValidationFailed: The champion cannot read these rows.
    """
    registry = project.registry(settings.name)
    version = champion_or_refuse(registry)
    try:
        labels, predictions = score(registry.load(version), settings.problem, rows)
    except DataError as error:
        raise ValidationFailed(f"Batch {batch!r} is refused: {error}") from error
    monitor = PerformanceMonitor.from_reference(
        settings.metric, reference(registry, version), min_rows=settings.gate.min_rows
    )
    observation = monitor.observe(labels, predictions, batch=batch)
    decision = settings.policy.decide(
        history(project, settings),
        observation,
        retunes_this_month=retunes_this_month(project, settings),
    )
    row = ObservationRow(
        **_identity(project, settings, batch),
        champion_version=version,
        status=observation.status,
        value=observation.value,
        low=observation.low,
        high=observation.high,
        details=asdict(observation),
    )
    wanted = _retune_row(settings, batch, decision.trigger or "", decision.reason)
    queued = wanted if decision.outcome == "queued" else None
    return project.ledger.record(
        row,
        DecisionRow(
            **asdict(decision),
            retune_id=queued.id if queued else None,
            policy=settings.policy.digest(),
        ),
        queued,
    )


def retunes_this_month(project: Project, settings: Settings) -> int:
    """Count the retunes asked for in this calendar month (UTC), without those merged away."""
    first = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    asked = project.ledger.retunes(settings.name)
    return sum(row.requested_at >= first and row.status != "merged_into" for row in asked)


def record_refusal(
    project: Project, settings: Settings, batch: str, refusal: str
) -> ObservationRow:
    """Write down that a batch failed validation. Bad data alerts; it never starts a retune."""
    refusal = f"{refusal} Repaired rows go into a file of another name."
    row = ObservationRow(
        **_identity(project, settings, batch), status=INVALID, details={"refusal": refusal}
    )
    decision = DecisionRow(
        outcome="alert", trigger="data_quality", breach=False, reason=refusal,
        policy=settings.policy.digest(),
    )  # fmt: skip
    return project.ledger.record(row, decision)


def history(project: Project, settings: Settings) -> list[PastDecision]:
    """Return what the policy needs to know of earlier batches, oldest first."""
    ended = {row.id: row.status for row in project.ledger.retunes(settings.name)}
    past = []
    for row in project.ledger.observations(settings.name):
        status = ended.get(row.decision.retune_id or "")
        past.append(
            PastDecision(
                batch=row.batch,
                # a retune that failed has repaired nothing: it starts no cooldown
                outcome="failed" if status == "failed" else row.decision.outcome,
                breach=row.decision.breach,
                retuned=status == "promoted",
            )
        )
    return past


def reference(registry: Registry, version: int) -> Interval:
    """Return the champion's score on the rows that it was judged on when it was promoted.

    Raises:
        DriftuneError: The version was made champion without passing the gate.
    """
    stored = registry.tags(version).get("driftune.reference")
    if stored is None:
        raise DriftuneError(
            f"Version {version} of {registry.name!r} is champion but was never judged by the gate:"
            f" `driftune promote {registry.name} --version {version}` does that."
        )
    return Interval(**json.loads(stored))


def _identity(project: Project, settings: Settings, batch: str) -> dict[str, Any]:
    """What makes an observation the one of this batch, these bytes and this policy."""
    version = file_version(settings.batch_files()[batch])
    parts = (settings.name, batch, version, settings.policy.digest())
    return {
        "key": sha256("|".join(parts).encode()).hexdigest(),
        "problem": settings.name,
        "batch": batch,
        "sequence": len(project.ledger.observations(settings.name)),
        "data_version": version,
    }


def _retune_row(settings: Settings, batch: str, trigger: str, reason: str) -> RetuneRow:
    return RetuneRow(
        id=retune_id(settings, batch), problem=settings.name, trigger=trigger, reason=reason,
        through=batch, status="queued", details={},
    )  # fmt: skip
