"""The ledger's tables. SQLite by default, PostgreSQL by URL; times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """A timestamp that is aware on both sides; SQLite keeps no zone, so we keep UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Store UTC without its zone."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the zone back."""
        return value.replace(tzinfo=UTC) if value else None


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {dict[str, Any]: JSON, datetime: UTCDateTime}  # noqa: RUF012


class ObservationRow(Base):
    """What the watcher measured on one batch; never changed afterwards.

    Labels that arrive late, or a repaired file, make a further ``revision`` of the batch: an
    observation of its own with a decision of its own. ``kind``: realised, estimated or invalid.
    """

    __tablename__ = "observations"
    __table_args__ = (UniqueConstraint("problem", "batch", "revision"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    problem: Mapped[str] = mapped_column(index=True)
    batch: Mapped[str]
    revision: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(default="realised")
    sequence: Mapped[int]
    data_version: Mapped[str]
    champion_version: Mapped[int | None]
    status: Mapped[str]
    value: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    details: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=now)
    decision: Mapped[DecisionRow] = relationship(
        back_populates="observation", lazy="joined", uselist=False
    )


class DecisionRow(Base):
    """What the policy made of one observation; exactly one each."""

    __tablename__ = "decisions"

    observation_key: Mapped[str] = mapped_column(ForeignKey("observations.key"), primary_key=True)
    outcome: Mapped[str]
    trigger: Mapped[str | None]
    breach: Mapped[bool]
    reason: Mapped[str]
    retune_id: Mapped[str | None]
    policy: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)
    observation: Mapped[ObservationRow] = relationship(back_populates="decision", lazy="joined")


class RetuneRow(Base):
    """One retune from its request to its end.

    ``action`` is what it does: ``retune`` (search, then train), ``retrain`` (train with the
    champion's configuration) or ``recall`` (an earlier champion before the gate, nothing trained).
    ``status``: queued, running, awaiting_approval, shadow, promoted, refused, rejected, failed or
    merged_into.
    """

    __tablename__ = "retunes"

    id: Mapped[str] = mapped_column(primary_key=True)
    problem: Mapped[str] = mapped_column(index=True)
    trigger: Mapped[str]
    action: Mapped[str] = mapped_column(default="retune")
    reason: Mapped[str]
    through: Mapped[str | None]
    status: Mapped[str]
    merged_into: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    details: Mapped[dict[str, Any]]
    requested_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class LeaseRow(Base):
    """Who may retune a problem now. ``token`` only grows: a revived owner holds an old one.

    On the machine ``boot`` the process ``process`` and the clock since boot, ``until`` in seconds,
    say whether it holds; elsewhere ``expires_at`` does.
    """

    __tablename__ = "leases"

    problem: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None]
    token: Mapped[int]
    expires_at: Mapped[datetime]
    boot: Mapped[str | None]
    process: Mapped[str | None]
    until: Mapped[float | None]


class PromotionRow(Base):
    """One change of the champion, with the lease token that allowed it."""

    __tablename__ = "promotions"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    problem: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    previous: Mapped[int | None]
    kind: Mapped[str]
    reason: Mapped[str]
    retune_id: Mapped[str | None] = mapped_column(unique=True)
    after_batch: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(default=now)


class SpendRow(Base):
    """What one study paid its language model."""

    __tablename__ = "spend"

    retune_id: Mapped[str] = mapped_column(primary_key=True)
    problem: Mapped[str]
    calls: Mapped[int]
    cost_usd: Mapped[float]
    at: Mapped[datetime] = mapped_column(default=now)
