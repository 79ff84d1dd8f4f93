"""Any number of processes, on any number of machines, that work on one study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from driftune.errors import UsageError
from driftune.tuning.executors.local import LocalExecutor

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from driftune.tuning.executors import FoldPool
    from driftune.tuning.fold_work import FoldWork


@dataclass(frozen=True)
class JoinExecutor:
    """The cores of this machine, for a study that others work on too.

    They find one another by calling :func:`driftune.tuning.tune` with the same problem, data and
    settings on the same storage: a PostgreSQL URL for several machines, an SQLite file for several
    processes of one. Each returns when the whole study is done, with the same result.

    Args:
        workers: Processes of this call; see :class:`LocalExecutor`.
    """

    workers: int = 1
    name: ClassVar[str] = "join"
    shared: ClassVar[bool] = True

    def open(self, work: FoldWork, *, n_jobs: int) -> AbstractContextManager[FoldPool]:
        """Start threads or processes here."""
        return LocalExecutor(self.workers).open(work, n_jobs=n_jobs)


def refuse_memory(storage: object) -> None:
    """Refuse a study that nobody else can find.

    Raises:
        UsageError: There is no storage.
    """
    if storage is None:
        raise UsageError(
            "The executor join needs a storage that the others reach (storage=, or"
            " DRIFTUNE_STUDY_URL): postgresql://user@host/database, or on one machine the path of"
            " an SQLite file."
        )
