"""What happened and what is to be done, in a database."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from driftune.ledger import lease as leases
from driftune.ledger.effort import note_effort
from driftune.ledger.engine import open_engine
from driftune.ledger.lease import Lease
from driftune.ledger.tables import (
    DecisionRow,
    LeaseRow,
    ObservationRow,
    PromotionRow,
    RetuneRow,
    SpendRow,
    now,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

INVALID = "invalid_data"
OPEN_STATES = ("queued", "running")
AGAIN = ("failed", "merged_into")  # the same request later finds these undone
WAITING = ("awaiting_approval", "shadow")  # trained, but not in service yet
EFFORT = ("recall", "retrain", "retune")  # an action includes those before it


class Ledger:
    """The durable record, and the queue of retunes.

    Args:
        url: SQLAlchemy URL of the database; its tables are made when missing.

    Example:
        >>> ledger = Ledger("sqlite://")
        >>> ledger.request_retune("r1", "air_time", trigger="manual", reason="asked for").status
        'queued'
        >>> ledger.request_retune("r1", "air_time", trigger="manual", reason="again").reason
        'asked for'
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    # Observations and decisions

    def record(
        self, observation: ObservationRow, decision: DecisionRow, retune: RetuneRow | None = None
    ) -> ObservationRow:
        """Write an observation, its one decision and the retune it asks for; all or nothing.

        An observation that is on record already keeps its first decision, which is returned. What
        asks for a retune while another one of the problem runs is merged into that.
        """
        observation.decision = decision
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                session.add(observation)
                if retune is not None:
                    self._enter(session, decision, retune)
            return observation
        except IntegrityError:
            first = self.observation(observation.problem, observation.batch)
            if first is None:
                raise
            return first

    def _enter(self, session: Session, decision: DecisionRow, retune: RetuneRow) -> None:
        """Put a retune into the queue with its decision; one that is there is taken up again."""
        known = session.get(RetuneRow, retune.id)
        if known is not None:
            _take_up(known)
        else:
            _add_last(session, retune)
        entry = known or retune
        running = self._running(session, entry)
        if running is not None and entry.status == "queued":
            entry.status, entry.merged_into, entry.finished_at = "merged_into", running, now()
            decision.outcome = "merged_into"
            decision.reason = f"{decision.reason} The retune {running} is running."

    def _running(self, session: Session, entry: RetuneRow) -> str | None:
        """Return another retune that a living owner works on, and that does as much."""
        if not leases.is_held(session.get(LeaseRow, entry.problem)):
            return None
        query = select(RetuneRow).where(
            RetuneRow.problem == entry.problem, RetuneRow.status == "running"
        )
        rows = session.scalars(query.order_by(RetuneRow.requested_at.desc()))
        return next((row.id for row in rows if row.id != entry.id and includes(row, entry)), None)

    def observation(self, problem: str, batch: str) -> ObservationRow | None:
        """Return the latest observation of a batch, with its decision, when there is one."""
        query = select(ObservationRow).where(
            ObservationRow.problem == problem, ObservationRow.batch == batch
        )
        with Session(self.engine) as session:
            return session.scalar(query.order_by(ObservationRow.revision.desc()))

    def observations(self, problem: str) -> Sequence[ObservationRow]:
        """Return all observations with their decisions, in the order they were made."""
        query = (
            select(ObservationRow)
            .where(ObservationRow.problem == problem)
            .order_by(ObservationRow.sequence)
        )
        with Session(self.engine) as session:
            return session.scalars(query).all()

    def latest_observations(self, problem: str) -> list[ObservationRow]:
        """Return the newest revision of each batch, in the order in which batches arrived."""
        latest = {row.batch: row for row in self.observations(problem)}  # the last one wins
        return list(latest.values())

    def accepted_batches(self, problem: str) -> list[str]:
        """Return the batches whose rows passed validation, oldest first."""
        return [row.batch for row in self.latest_observations(problem) if row.status != INVALID]

    # Retunes

    def request_retune(
        self, retune_id: str, problem: str, *, trigger: str, reason: str, through: str | None = None
    ) -> RetuneRow:
        """Put a retune into the queue; one that is there already is returned.

        It is as it was, but for one that failed or was left to another: that waits again.
        """
        row = RetuneRow(
            id=retune_id, problem=problem, trigger=trigger, reason=reason, through=through,
            status="queued", details={},
        )  # fmt: skip
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                _add_last(session, row)
            return row
        except IntegrityError:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                return _take_up(session.get_one(RetuneRow, retune_id))

    def retune(self, retune_id: str) -> RetuneRow:
        """Return a retune by its id."""
        with Session(self.engine) as session:
            return session.get_one(RetuneRow, retune_id)

    def retunes(self, problem: str, *statuses: str) -> Sequence[RetuneRow]:
        """Return the retunes of a problem, oldest first, optionally of some statuses only."""
        query = select(RetuneRow).where(RetuneRow.problem == problem)
        if statuses:
            query = query.where(RetuneRow.status.in_(statuses))
        with Session(self.engine) as session:
            return session.scalars(query.order_by(RetuneRow.requested_at)).all()

    def open_retunes(self, problem: str) -> Sequence[RetuneRow]:
        """Return what is queued, or running (or was, when its process was killed)."""
        return self.retunes(problem, *OPEN_STATES)

    def set_retune(
        self, retune_id: str, status: str, *, lease: Lease | None = None, **details: Any
    ) -> RetuneRow:
        """Change a retune's status and add details; with a lease, only while it is ours.

        Raises:
            LeaseLost: Another owner took over.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if lease is not None:
                lease.check(session)
            row = session.get_one(RetuneRow, retune_id)
            effort = note_effort(row, status, lease)
            if status == "running" and row.status != "running":
                row.attempts += 1
            row.status = status
            row.details = {**row.details, **effort, **details}
            row.merged_into = details.get("merged_into", row.merged_into)
            row.finished_at = None if status in OPEN_STATES else now()
        return row

    def merge_retune(
        self, older: RetuneRow, newer: RetuneRow, *, lease: Lease | None = None
    ) -> bool:
        """Leave ``older`` to ``newer`` when that does as much; returns whether it does.

        Raises:
            LeaseLost: Another owner took over.
        """
        if older.id == newer.id or not includes(newer, older):
            return False
        self.set_retune(older.id, "merged_into", lease=lease, merged_into=newer.id)
        return True

    # Leases

    def lease(
        self, problem: str, *, owner: str | None = None, seconds: float | None = None
    ) -> Lease | None:
        """Take the right to retune ``problem``; ``None`` while somebody else holds it."""
        who = owner or f"{socket.gethostname()}:{os.getpid()}"
        return Lease.acquire(self.engine, problem, who, seconds or leases.LEASE_SECONDS)

    def release_dead(self) -> list[tuple[str, str]]:
        """Free the leases of owners that are gone; returns ``(problem, owner)`` of each."""
        return leases.release_dead(self.engine)

    def is_leased(self, problem: str) -> bool:
        """Return whether somebody holds the right to retune ``problem`` now."""
        return self.lease_holder(problem) is not None

    def lease_holder(self, problem: str) -> tuple[str, datetime] | None:
        """Return who may retune ``problem`` now (``host:pid``) and until when (UTC), if anybody."""
        with Session(self.engine) as session:
            row = session.get(LeaseRow, problem)
            if row is None or row.owner is None or not leases.is_held(row):
                return None
            return row.owner, row.expires_at

    # Promotions and spend

    def record_promotion(self, row: PromotionRow, *, lease: Lease | None = None) -> PromotionRow:
        """Write a change of the champion; a second one for the same retune returns the first.

        Raises:
            LeaseLost: Another owner took over.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                if lease is not None:
                    lease.check(session)
                session.add(row)
            return row
        except IntegrityError:
            first = [p for p in self.promotions(row.problem) if p.retune_id == row.retune_id]
            return first[0]

    def promotions(self, problem: str) -> Sequence[PromotionRow]:
        """Return every change of the champion, oldest first."""
        query = select(PromotionRow).where(PromotionRow.problem == problem)
        with Session(self.engine) as session:
            return session.scalars(query.order_by(PromotionRow.id)).all()

    def record_spend(self, retune_id: str, problem: str, **amounts: Any) -> None:
        """Write what a study paid (``calls``, ``cost_usd``), once per retune."""
        with Session(self.engine) as session, session.begin():
            session.merge(SpendRow(retune_id=retune_id, problem=problem, **amounts))

    def spend(self, problem: str) -> Sequence[SpendRow]:
        """Return what the studies of a problem paid."""
        with Session(self.engine) as session:
            return session.scalars(select(SpendRow).where(SpendRow.problem == problem)).all()


def includes(newer: RetuneRow, older: RetuneRow) -> bool:
    """Return whether a retune does all that an earlier one would: as much, on as new data."""
    mine, theirs = (EFFORT.index(row.action or "retune") for row in (newer, older))
    return mine >= theirs


def _take_up(row: RetuneRow) -> RetuneRow:
    """Let a retune that did not get its turn, or failed, wait again."""
    if row.status in AGAIN:
        row.status, row.merged_into, row.finished_at = "queued", None, None
        row.details = {**row.details, "announced_at": ""}
    return row


def _add_last(session: Session, row: RetuneRow) -> None:
    """Add a request as the newest of its problem, also when the clock was set back."""
    query = select(RetuneRow.requested_at).where(RetuneRow.problem == row.problem)
    last = session.scalar(query.order_by(RetuneRow.requested_at.desc()).limit(1))
    row.requested_at = max(now(), last + timedelta(microseconds=1)) if last else now()
    session.add(row)
