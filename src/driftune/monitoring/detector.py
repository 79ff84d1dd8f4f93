"""What every drift detector can do, so that one can take the place of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd


class Finding(Protocol):
    """What a detector says about a batch: a frozen dataclass whose ``asdict`` is plain JSON."""

    @property
    def batch(self) -> str:
        """Name of the batch."""

    @property
    def rows(self) -> int:
        """Rows in it."""

    @property
    def status(self) -> Literal["ok", "insufficient_data"]:
        """Whether there were enough rows to say anything."""

    @property
    def drifted(self) -> bool:
        """The alarm."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The columns that rang."""

    @property
    def reason(self) -> str:
        """One sentence with the numbers."""


@runtime_checkable
class Detector(Protocol):
    """Learns what is usual from reference rows, then says of each batch whether it left that.

    Rows are in time order, in ``fit`` and in every batch. ``observe`` before ``fit`` is a
    `UsageError`; a batch that lacks a column is a `DataError`.
    """

    def fit(self, reference: pd.DataFrame) -> Self:
        """Learn the reference; a second call forgets the first."""

    def observe(self, rows: pd.DataFrame, *, batch: str = "") -> Finding:
        """Judge one batch."""
