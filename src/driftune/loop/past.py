"""What the ledger knows of earlier batches, as the policy reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.monitoring import PastDecision
from driftune.monitoring.regret import Recall, Regret

if TYPE_CHECKING:
    from driftune.ledger import ObservationRow
    from driftune.project import Project
    from driftune.settings import Settings


def history(
    project: Project, settings: Settings, *, before: str | None = None
) -> list[PastDecision]:
    """Return what the policy needs to know of earlier batches, oldest first, one per batch.

    Args:
        project: Where the ledger is.
        settings: The problem.
        before: Leave out this batch and what came after it.
    """
    ledger = project.ledger
    status = {row.id: row.status for row in ledger.retunes(settings.name)}
    changed = {row.after_batch for row in ledger.promotions(settings.name)} - {None}
    acted = _acts(ledger.observations(settings.name))
    past = []
    for row in ledger.latest_observations(settings.name):
        if row.batch == before:
            break
        retune = acted.get(row.batch, row.decision.retune_id)
        ended = status.get(retune or "")
        past.append(_past(row, ended, retuned=ended == "promoted" or row.batch in changed))
    return past


def _acts(observed: Any) -> dict[str, str]:
    """Return the retune that any revision of a batch has asked for."""
    return {row.batch: row.decision.retune_id for row in observed if row.decision.retune_id}


def _past(row: ObservationRow, ended: str | None, *, retuned: bool) -> PastDecision:
    outcome = row.decision.outcome
    if ended is not None:  # of whichever revision asked for it
        # a retune that failed has repaired nothing: it starts no cooldown
        outcome = "failed" if ended == "failed" else "queued"
    return PastDecision(
        batch=row.batch,
        outcome=outcome,
        breach=row.decision.breach,
        retuned=retuned,
        rows=row.details.get("rows", 0),
        regret=tuple(_regret(one) for one in row.details.get("regret") or ()),
        recall=tuple(Recall(**one) for one in row.details.get("recall") or ()),
    )


def _regret(stored: dict[str, Any]) -> Regret:
    return Regret(**{**stored, "gains": tuple(stored["gains"])})
