"""One retune per problem at a time: a lease that expires, with a fencing token.

Leases as in Gray & Cheriton (1989); the token as in Kleppmann, "How to do distributed locking"
(2016): it only grows, and whoever holds an old one is refused at the moment of writing.

When does it end? At once, when its owner was a process of this machine that is gone. Else, on this
machine, by the clock since boot: setting the wall clock neither takes a living owner's lease nor
keeps a dead one's. Only between machines, and after a reboot, by the wall clock; there a clock that
jumps ahead costs a living owner its lease, which the token makes safe, and one that was set back
can keep a dead owner's for an hour at most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from driftune.errors import LeaseLost
from driftune.ledger.machine import boot, is_gone, seconds_since_boot, this_process
from driftune.ledger.tables import LeaseRow, now

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Engine

LEASE_SECONDS = 60.0
FARTHEST = timedelta(hours=1)  # no lease is that long: its owner's clock was wrong


def is_held(row: LeaseRow | None) -> bool:
    """Return whether somebody holds this lease now."""
    if row is None or row.owner is None:
        return False
    clock = seconds_since_boot()
    if row.boot is not None and row.boot == boot() and row.until is not None and clock is not None:
        return row.until > clock and not is_gone(row.process)
    return now() < row.expires_at < now() + FARTHEST


@dataclass
class Lease:
    """The right to retune one problem, renewed in the background while the block runs.

    Attributes:
        problem: Its name.
        owner: Who holds it.
        token: Grows with each owner.
    """

    engine: Engine
    problem: str
    owner: str
    token: int
    seconds: float = LEASE_SECONDS
    _stop: Event = field(default_factory=Event, repr=False)

    @classmethod
    def acquire(
        cls, engine: Engine, problem: str, owner: str, seconds: float = LEASE_SECONDS
    ) -> Lease | None:
        """Take the lease if it is free or expired; ``None`` while somebody else holds it."""
        try:
            with Session(engine) as session, session.begin():
                row = session.scalar(
                    select(LeaseRow).where(LeaseRow.problem == problem).with_for_update()
                )
                if row is None:
                    row = LeaseRow(problem=problem, token=0)
                    session.add(row)
                elif is_held(row):
                    return None
                row.owner, row.token, row.process = owner, row.token + 1, this_process()
                _extend(row, seconds)
                session.flush()
                return cls(engine, problem, owner, row.token, seconds)
        except IntegrityError:  # two first owners at once: the other one was faster
            return None

    def check(self, session: Session) -> None:
        """Refuse to go on, inside ``session``'s transaction, when another owner took over.

        Raises:
            LeaseLost: The token is no longer ours.
        """
        row = session.scalar(
            select(LeaseRow).where(LeaseRow.problem == self.problem).with_for_update()
        )
        if row is None or row.token != self.token or row.owner != self.owner:
            raise LeaseLost(
                f"The retune of {self.problem!r} by {self.owner} was taken over"
                f" (token {self.token}, now {row.token if row else 'none'}); nothing was changed."
            )

    def renew(self) -> None:
        """Move the expiry on; raises LeaseLost when another owner took over."""
        with Session(self.engine) as session, session.begin():
            self.check(session)
            _extend(session.get_one(LeaseRow, self.problem), self.seconds)

    def release(self) -> None:
        """Let go; a lease that was taken over is left alone."""
        self._stop.set()
        with Session(self.engine) as session, session.begin():
            row = session.get(LeaseRow, self.problem)
            if row is not None and row.token == self.token:
                row.owner = None

    def __enter__(self) -> Lease:
        """Start renewing in the background."""
        Thread(target=self._keep, daemon=True, name=f"lease-{self.problem}").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go, whatever happened."""
        self.release()

    def _keep(self) -> None:
        while not self._stop.wait(self.seconds / 4):
            try:
                self.renew()
            except LeaseLost:
                return  # the write that matters checks the token again
            except OperationalError:
                continue  # the database is away for a moment; the lease may expire, which is safe


def _extend(row: LeaseRow, seconds: float) -> None:
    clock = seconds_since_boot()
    row.expires_at = now() + timedelta(seconds=seconds)
    row.boot, row.until = boot(), None if clock is None else clock + seconds


def release_dead(engine: Engine) -> list[tuple[str, str]]:
    """Free the leases of owners that are gone; whoever comes back finds its token outdated.

    Returns:
        ``(problem, owner)`` of each.
    """
    with Session(engine) as session, session.begin():
        rows = session.scalars(select(LeaseRow).where(LeaseRow.owner.is_not(None)))
        dead = [(row, row.problem, row.owner or "") for row in rows if not is_held(row)]
        for row, *_ in dead:
            row.owner, row.token = None, row.token + 1
    return [(problem, owner) for _, problem, owner in dead]
