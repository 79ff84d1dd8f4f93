"""The decisions that matter: each has a page of its own, which is never written with hindsight."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from driftune.ledger.tables import now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from driftune.ledger import ObservationRow, PromotionRow, RetuneRow
    from driftune.reporting.records import Records

FOLDER = "decisions"
ACTS = ("queued", "started", "merged_into", "alert")
"""Outcomes of a decision that ask somebody for something."""
ENDS = ("promoted", "refused", "rejected", "failed", "awaiting_approval", "shadow")
"""States of a retune in which something was decided about its challenger."""


@dataclass(frozen=True)
class Event:
    """One decision.

    Attributes:
        kind: ``decision`` about a batch, end of a ``retune``, or ``change`` of the champion.
        key: Of the ledger's row.
        at: When; nothing of later is on its page.
        file: Name of its page.
        batch: The batch that it is about, or after which it happened.
        state: Outcome of the decision, status of the retune, kind of the change.
    """

    kind: Literal["decision", "retune", "change"]
    key: str
    at: datetime
    file: str
    batch: str | None
    state: str

    def knows(self, moment: datetime | None) -> bool:
        """Whether something of that moment was known."""
        return moment is not None and moment <= self.at

    def is_about(self, retune_id: str | None) -> bool:
        """Whether it is the end of that retune."""
        return self.kind == "retune" and self.key == retune_id

    def path(self, folder: Path) -> Path:
        """Its page below the problem's folder of reports."""
        return folder / FOLDER / self.file


def find_events(records: Records) -> list[Event]:
    """Return what deserves a page, oldest first."""
    events = [
        *(decision_event(row) for row in records.observations if row.decision.outcome in ACTS),
        *(_retune_event(row) for row in records.retunes if row.status in ENDS),
        *(_change_event(row) for row in records.promotions if _stands_alone(row)),
    ]
    return sorted(events, key=lambda event: event.at)


def decision_event(row: ObservationRow) -> Event:
    """The decision about one revision of a batch, also where it was to do nothing."""
    revision = f"-revision-{row.revision}" if row.revision else ""
    return Event(
        kind="decision",
        key=row.key,
        at=max(row.at, row.decision.at),
        file=f"decision-{slug(row.batch)}{revision}.html",
        batch=row.batch,
        state=row.decision.outcome,
    )


def _retune_event(row: RetuneRow) -> Event:
    attempt = f"-{row.attempts}" if row.status == "failed" and row.attempts > 1 else ""
    return Event(
        kind="retune",
        key=row.id,
        at=row.finished_at or now(),
        file=f"retune-{slug(row.id)}-{row.status}{attempt}.html",
        batch=row.through,
        state=row.status,
    )


def _stands_alone(row: PromotionRow) -> bool:
    """Whether a change came without a retune: taken back, or promoted by hand."""
    return row.kind != "promotion" or row.retune_id is None


def _change_event(row: PromotionRow) -> Event:
    return Event(
        kind="change",
        key=str(row.id),
        at=row.at,
        file=f"{slug(row.kind)}-{row.id}-version-{row.version}.html",
        batch=row.after_batch,
        state=row.kind,
    )


def slug(name: str) -> str:
    """Make a name that every file system and every link takes; different names stay different.

    >>> slug("week_17"), slug("a b"), slug("a/b")
    ('week_17', 'a_b-c8687a', 'a_b-c14cdd')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).strip(".")[:100]
    if plain == name:
        return plain
    return f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"
