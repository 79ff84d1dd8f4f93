"""Change the champion: once, by one process at a time, and to the end.

Two records must agree, the registry's aliases and the ledger's promotions. The change is announced
in the registry, then the aliases move, then the ledger commits, all in one transaction of the
ledger: whoever has lost the lease is refused before the first write, and nobody can take it over
until the last one. Killed in between, the announcement tells the next caller what to finish.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from driftune.errors import ChampionChanged, ServiceUnavailable
from driftune.ledger import PromotionRow
from driftune.ledger.tables import LeaseRow, RetuneRow, now
from driftune.promotion.registry import CHAMPION, PREVIOUS
from driftune.tracking import answering
from driftune.tracking.client import brisk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftune.ledger import Lease
    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings

ANYBODY = -1


@dataclass
class Succession:
    """The right to change a problem's champion, as long as the block runs.

    Attributes:
        registry: Of the problem's model.
        session: The ledger's transaction; nothing else may use the ledger meanwhile.
        after_batch: The newest batch on record.
        finished: What was found half done, and finished, in a sentence; None when all was well.
    """

    registry: Registry
    session: Session
    after_batch: str | None
    finished: str | None = None
    _announced: bool = field(default=False, repr=False)

    def promotions(self) -> Sequence[PromotionRow]:
        """Return every change of the champion, oldest first."""
        query = select(PromotionRow).where(PromotionRow.problem == self.registry.name)
        return self.session.scalars(query.order_by(PromotionRow.id)).all()

    def retune(self, retune_id: str) -> RetuneRow:
        """Return a retune's record; a change of it is committed with the change of champion."""
        return self.session.get_one(RetuneRow, retune_id, with_for_update=True)

    def change(
        self,
        version: int,
        *,
        kind: str,
        reason: str,
        retune_id: str | None = None,
        instead_of: int | None = ANYBODY,
    ) -> int | None:
        """Make a version the champion; nothing moves when it is already.

        Args:
            version: Which one.
            kind: ``promotion`` or ``rollback``.
            reason: Why, for the record.
            retune_id: The retune that made it; it is recorded once.
            instead_of: The champion that it was compared with, or ANYBODY.

        Returns:
            The version that was champion before.

        Raises:
            ChampionChanged: Another one serves than it was compared with.
        """
        before = self.registry.version_of(CHAMPION)
        recorded = any(retune_id and row.retune_id == retune_id for row in self.promotions())
        if before == version:  # killed after the aliases moved, or asked twice
            previous = self.registry.version_of(PREVIOUS)
            if retune_id and not recorded:
                self._record(_row(self, version, previous, kind, reason, retune_id))
            return previous
        if instead_of not in (ANYBODY, before):
            raise ChampionChanged(
                f"Version {version} of {self.registry.name!r} was compared with"
                f" {_named(instead_of)}, but {_named(before)} serves now."
            )
        row = _row(self, version, before, kind, reason, None if recorded else retune_id)
        self._record(row)  # first: a ledger that cannot write leaves all as it is
        self.registry.announce(_announcement(row))
        self._announced = True
        self.registry.promote(version)
        return before

    def finish_announced(self) -> None:
        """Do the rest of a change that was announced by a process that died."""
        told = self.registry.announced()
        if told is None:
            return
        self._announced = True
        at = datetime.fromisoformat(told.pop("at"))
        if any(row.version == told["version"] and row.at == at for row in self.promotions()):
            return
        self._record(PromotionRow(problem=self.registry.name, at=at, **told))
        self.registry.promote(told["version"])
        self.finished = (
            f"finished the {told['kind']} of version {told['version']} of {self.registry.name}"
        )

    def _record(self, row: PromotionRow) -> None:
        self.session.add(row)
        self.session.flush()


@contextmanager
def succession(
    project: Project, settings: Settings, *, lease: Lease | None = None
) -> Iterator[Succession]:
    """Take the right to change the champion; what a dead process began is finished first.

    Args:
        project: Where ledger and registry are.
        settings: The problem.
        lease: The right to retune, which must still be ours.

    Raises:
        LeaseLost: Another owner took over; nothing was changed.
        ServiceUnavailable: The registry does not answer.
    """
    registry = project.registry(settings.name)
    observed = project.ledger.latest_observations(settings.name)
    after = observed[-1].batch if observed else None
    with answering(project.tracking_uri), brisk():
        registry.announced()  # what is imported and opened here, nobody else should wait for
        with _ledger_answering(), Session(project.ledger.engine) as session, session.begin():
            if lease is not None:
                lease.check(session)
            _lock(session, settings.name)
            change = Succession(registry, session, after)
            change.finish_announced()
            yield change
        if change._announced:
            registry.forget_announcement()


@contextmanager
def _ledger_answering() -> Iterator[None]:
    """Say that it is the ledger which is away or full; MLflow wraps the errors of its database."""
    try:
        yield
    except OperationalError as error:
        raise ServiceUnavailable(
            f"The ledger does not answer ({error.orig}), so the champion is not changed, or the"
            " change is finished later; see DRIFTUNE_LEDGER_URL."
        ) from error


def settle(project: Project, settings: Settings) -> list[str]:
    """Let aliases and ledger agree, whatever was killed where.

    Returns:
        What was done, a sentence each.

    Raises:
        ServiceUnavailable: The registry does not answer.
    """
    done = []
    with succession(project, settings) as change:
        if change.finished:
            done.append(change.finished)
        champion = change.registry.version_of(CHAMPION)
        recorded = change.promotions()
        if champion is not None and (not recorded or recorded[-1].version != champion):
            previous = recorded[-1].version if recorded else None
            why = "the alias `champion` was moved in the registry, not by driftune"
            change._record(_row(change, champion, previous, "promotion", why, None))
            done.append(f"recorded version {champion} as champion of {settings.name}: {why}")
        promoted = {one.retune_id for one in change.promotions()}
        for row in _waiting(change):
            if row.id in promoted or row.details.get("version") == champion:
                row.status, row.finished_at = "promoted", now()
                done.append(f"closed the retune {row.id}, whose version was promoted")
    return done


def _waiting(change: Succession) -> Sequence[RetuneRow]:
    query = select(RetuneRow).where(
        RetuneRow.problem == change.registry.name,
        RetuneRow.status.in_(("awaiting_approval", "shadow")),
    )
    return change.session.scalars(query).all()


def _lock(session: Session, problem: str) -> None:
    """Let one transaction at a time past here; SQLite does that for all of them anyway."""
    key = f"champion:{problem}"
    if session.get(LeaseRow, key, with_for_update=True) is None:
        try:
            with session.begin_nested():
                session.add(LeaseRow(problem=key, owner=None, token=0, expires_at=now()))
        except IntegrityError:  # two first ones at once: the other one is in front
            session.get(LeaseRow, key, with_for_update=True)


def _row(
    change: Succession,
    version: int,
    previous: int | None,
    kind: str,
    reason: str,
    retune_id: str | None,
) -> PromotionRow:
    return PromotionRow(
        problem=change.registry.name, version=version, previous=previous, kind=kind,
        reason=reason, retune_id=retune_id, after_batch=change.after_batch, at=now(),
    )  # fmt: skip


def _announcement(row: PromotionRow) -> dict[str, Any]:
    fields = ("version", "previous", "kind", "reason", "retune_id", "after_batch")
    return {name: getattr(row, name) for name in fields} | {"at": row.at.isoformat()}


def _named(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
