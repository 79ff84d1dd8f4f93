"""Labels that should have arrived by now: an alert, once for each content of a batch."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from driftune.durations import read_duration
from driftune.ledger import DecisionRow, ObservationRow
from driftune.ledger.tables import now
from driftune.loop.late_labels import batches_with_new_labels

if TYPE_CHECKING:
    from datetime import datetime

    from driftune.project import Project
    from driftune.settings import Settings

OVERDUE = "labels_overdue"
_KEPT = (
    "problem", "batch", "kind", "data_version", "champion_version", "status", "value", "low",
    "high", "details",
)  # fmt: skip


def alert_overdue_labels(
    project: Project, settings: Settings, *, at: datetime | None = None
) -> list[ObservationRow]:
    """Write an alert for each batch that still has too few labels to be measured.

    One whose labels have come, and only wait to be observed, is left alone.

    The age of a batch counts from its first observation. The alert is a decision on a further
    revision of the observation, with the same numbers.

    Args:
        project: Where the ledger is.
        settings: Its ``label_delay`` says when; without it nothing is overdue.
        at: The time to compare with; default: now.

    Returns:
        The new revisions, oldest batch first.
    """
    if settings.label_delay is None:
        return []
    due = (at or now()) - read_duration(settings.label_delay)
    observed = project.ledger.observations(settings.name)
    arrived = {row.batch: row.at for row in reversed(observed)}  # the first one stays
    news = set(batches_with_new_labels(project, settings))
    late = [
        row
        for row in project.ledger.latest_observations(settings.name)
        if arrived[row.batch] < due
        and lacks_labels(row)
        and row.decision.trigger != OVERDUE
        and row.batch not in news
    ]
    return [
        project.ledger.record(*_alert(settings, row, sequence))
        for sequence, row in enumerate(late, start=len(observed))
    ]


def lacks_labels(row: ObservationRow) -> bool:
    """Return whether too few labels are what kept a batch from being measured."""
    return row.status == "insufficient_data" and bool(row.details.get("unlabelled"))


def _alert(
    settings: Settings, row: ObservationRow, sequence: int
) -> tuple[ObservationRow, DecisionRow]:
    labelled, missing = row.details["rows"], row.details["unlabelled"]
    reason = (
        f"Labels of batch {row.batch} are overdue: {missing:,} of {labelled + missing:,} rows have"
        f" none, and label_delay is {settings.label_delay}."
    )
    parts = (row.problem, row.batch, row.data_version, str(row.revision), OVERDUE)
    again = ObservationRow(
        **{name: getattr(row, name) for name in _KEPT},
        key=sha256("|".join(parts).encode()).hexdigest(),
        revision=row.revision + 1,
        sequence=sequence,
    )
    return again, DecisionRow(
        outcome="alert",
        trigger=OVERDUE,
        breach=row.decision.breach,
        reason=reason,
        policy=settings.policy.digest(),
    )
