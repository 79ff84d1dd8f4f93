"""Approve or reject a challenger that waits. The model is there already: nothing is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.errors import ChampionChanged, DriftuneError, UsageError
from driftune.ledger.tables import now
from driftune.loop.shadow import forget_shadow
from driftune.loop.succession import Succession, succession
from driftune.promotion import Verdict

if TYPE_CHECKING:
    from driftune.ledger import RetuneRow
    from driftune.project import Project
    from driftune.settings import Settings

AWAITING, SHADOW = "awaiting_approval", "shadow"


def waiting(project: Project, settings: Settings, *statuses: str) -> RetuneRow:
    """Return the newest retune that waits.

    Args:
        project: Where the ledger is.
        settings: The problem.
        statuses: What it may wait for; default: approval.

    Raises:
        DriftuneError: There is none.
    """
    found = project.ledger.retunes(settings.name, *(statuses or (AWAITING,)))
    if not found:
        latest = project.ledger.retunes(settings.name)[-1:]
        last = f"; its last retune is {latest[0].status}" if latest else ""
        raise DriftuneError(f"No challenger of {settings.name!r} waits for approval{last}.")
    return found[-1]


def approve(project: Project, settings: Settings, by: str, reason: str = "") -> RetuneRow:
    """Promote the challenger that waits for approval, as it was judged.

    Args:
        project: Where ledger and registry are.
        settings: The problem.
        by: Who approves, for the record.
        reason: Why.

    Raises:
        DriftuneError: None waits, or another champion serves than it was compared with.
    """
    by = _name(by)
    row = waiting(project, settings)
    version = int(row.details["version"])
    verdict = Verdict.from_dict(row.details["verdict"])
    said = f"Approved by {by}{f': {reason}' if reason else ''}. {verdict.reason}"
    try:
        with succession(project, settings) as change:
            still = _still(change, row, AWAITING)
            change.change(
                version, kind="promotion", reason=said, retune_id=row.id,
                instead_of=verdict.champion_version,
            )  # fmt: skip
            _close(still, "promoted", approved_by=by, approved_because=reason)
    except ChampionChanged as error:
        raise DriftuneError(
            f"{error} `driftune promote {settings.name} --version {version}` compares it with that"
            " one."
        ) from None
    return project.ledger.retune(row.id)


def reject(project: Project, settings: Settings, by: str, reason: str) -> RetuneRow:
    """End the waiting of a challenger: it is not promoted, and who said so and why is on record.

    Args:
        project: Where ledger and registry are.
        settings: The problem.
        by: Who rejects.
        reason: Why.

    Raises:
        UsageError: Nobody is named, or no reason is given.
        DriftuneError: No challenger waits, for approval or beside the champion.
    """
    by = _name(by)
    if not reason.strip():
        raise UsageError("--reason is empty; say why, for whoever reads the record.")
    row = waiting(project, settings, AWAITING, SHADOW)
    with succession(project, settings) as change:
        _close(_still(change, row, AWAITING, SHADOW), "rejected", rejected_by=by, because=reason)
        change.registry.withdraw(int(row.details["version"]))
    forget_shadow(project, row)
    return project.ledger.retune(row.id)


def _name(by: str) -> str:
    if not by.strip():
        raise UsageError("--by is empty; name who decides, for the record.")
    return by.strip()


def _still(change: Succession, row: RetuneRow, *statuses: str) -> RetuneRow:
    """Return the record inside the transaction, if it waits still."""
    found = change.retune(row.id)
    if found.status not in statuses:
        raise DriftuneError(f"The retune {row.id} does not wait any more: it is {found.status}.")
    return found


def _close(row: RetuneRow, status: str, **details: str) -> None:
    row.status, row.finished_at = status, now()
    row.details = {**row.details, **details}
