"""Executors: where the folds of a study are fitted.

``local``: on the cores of this machine, in threads or, for several trials at a time, in processes.
``dask``: on a cluster. ``join``: as ``local``, in a study that any number of processes and machines
work on together. :func:`get_executor` finds one by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from driftune.tuning.fold_work import FoldOrder, FoldScore, FoldWork


class FoldPool(Protocol):
    """Fits folds side by side; called from several threads.

    Attributes:
        slots: How many folds are fitted at the same time.
        trials: How many trials are worth running at the same time to keep the slots busy.
    """

    slots: int
    trials: int

    def submit(self, order: FoldOrder) -> Future[FoldScore]:
        """Begin a fit as soon as a slot is free; what it raises is raised by the future."""
        ...

    def revoke(self, future: Future[FoldScore]) -> None:
        """End one fit at its next round; its score is not wanted any more."""
        ...

    def cancel(self) -> None:
        """End all fits at their next round, for good."""
        ...


class Executor(Protocol):
    """Makes pools.

    Attributes:
        name: As written in settings.
        shared: Whether others work on the same study, and a call waits for their last trials.
    """

    name: ClassVar[str]
    shared: ClassVar[bool]

    def open(self, work: FoldWork, *, n_jobs: int) -> AbstractContextManager[FoldPool]:
        """Make a pool for a study; leaving it ends its fits.

        Args:
            work: The study's table and folds.
            n_jobs: Cores that the fits on this machine may use together.
        """
        ...


def get_executor(
    name: str, *, workers: int = 1, address: str | None = None, storage: object = None
) -> Executor:
    """Find an executor by name.

    Args:
        name: ``local``, ``dask`` or ``join``.
        workers: Processes of this machine.
        address: Of the Dask scheduler.
        storage: Where the study is going to live.

    Raises:
        UsageError: There is no such executor, or it cannot work so.
    """
    from driftune.tuning.executors.dask import DaskExecutor
    from driftune.tuning.executors.join import JoinExecutor, refuse_memory
    from driftune.tuning.executors.local import LocalExecutor

    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise UsageError(f"tuning.workers is {workers!r}; it must be a whole number, 1 or more.")
    made: tuple[Executor, ...] = (
        LocalExecutor(workers),
        DaskExecutor(address),
        JoinExecutor(workers),
    )
    known = {executor.name: executor for executor in made}
    if name not in known:
        raise UsageError(
            f"There is no executor {name!r} (tuning.executor).{close_match(name, known)}"
        )
    if known[name].shared:
        refuse_memory(storage)
    return known[name]
