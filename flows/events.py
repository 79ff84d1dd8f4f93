"""The event that wakes the retune deployment. The ledger is the queue; this only rings the bell."""

from __future__ import annotations

from prefect.events import emit_event

from driftune import loop
from driftune.ledger.tables import now
from driftune.project import Project
from driftune.settings import Settings

RETUNE_QUEUED = "driftune.retune.queued"


def resource_of(problem: str) -> str:
    """Return the id under which Prefect knows a problem."""
    return f"driftune.problem.{problem}"


def announce_due_retunes(project: Project, settings: Settings) -> list[str]:
    """Emit one event for each retune that waits; returns their ids.

    Killed between the event and its record, the event is emitted again later, and the second run
    finds nothing to do.
    """
    announced = []
    for row in loop.due_retunes(project, settings):
        emit_event(
            event=RETUNE_QUEUED,
            resource={"prefect.resource.id": resource_of(settings.name)},
            payload={"retune_id": row.id, "trigger": row.trigger, "reason": row.reason},
        )
        project.ledger.set_retune(row.id, row.status, announced_at=now().isoformat())
        announced.append(row.id)
    return announced
