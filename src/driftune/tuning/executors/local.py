"""Folds on the cores of this machine.

In threads of this process the table is not copied, and LightGBM lets go of Python's lock; more
trials at a time take processes.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from driftune.tuning.executors.processes import open_processes
from driftune.tuning.fold_work import FoldOrder, FoldScore, FoldWork, fit_fold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from driftune.tuning.executors import FoldPool
    from driftune.tuning.families import FoldFitter


@dataclass(frozen=True)
class LocalExecutor:
    """The cores of this machine.

    Args:
        workers: 1: one trial after the other, its folds side by side in threads. More: so many
            trials at a time in so many processes, which never use more cores together than they
            may; faster where folds are few, and no longer the same trials at every run.
    """

    workers: int = 1
    name: ClassVar[str] = "local"
    shared: ClassVar[bool] = False

    def open(self, work: FoldWork, *, n_jobs: int) -> AbstractContextManager[FoldPool]:
        """Start threads or processes."""
        if self.workers > 1:
            return open_processes(work, workers=self.workers, n_jobs=n_jobs)
        return open_threads(work, n_jobs=n_jobs)


@contextmanager
def open_threads(work: FoldWork, *, n_jobs: int) -> Iterator[ThreadFolds]:
    """Give each fold that runs an equal share of the cores.

    A thread per fold, not many threads per fit: LightGBM's own threads wait for one another
    after every split, which on a busy machine costs many times the fit (make bench-threads).
    """
    slots = min(n_jobs, work.abreast or len(work.folds))
    pool = ThreadFolds(work, work.fitter(n_jobs // slots), slots)
    with pool.threads:
        try:
            yield pool
        finally:
            pool.cancel()


class ThreadFolds:
    """The threads that fit the folds."""

    trials = 1

    def __init__(self, work: FoldWork, fitter: FoldFitter, slots: int) -> None:
        self.slots = slots
        self.threads = ThreadPoolExecutor(slots, thread_name_prefix="fold")
        self._work = work
        self._fitter = fitter
        self._cancelled = Event()
        self._revoked: dict[Future[FoldScore], Event] = {}

    def submit(self, order: FoldOrder) -> Future[FoldScore]:
        """Queue a fit."""
        revoked = Event()
        stop = lambda: revoked.is_set() or self._cancelled.is_set()  # noqa: E731
        future = self.threads.submit(fit_fold, self._work, self._fitter, order, stop)
        self._revoked[future] = revoked
        future.add_done_callback(self._revoked.pop)
        return future

    def revoke(self, future: Future[FoldScore]) -> None:
        """End one fit at its next round."""
        future.cancel()
        revoked = self._revoked.get(future)
        if revoked is not None:
            revoked.set()

    def cancel(self) -> None:
        """End all fits at their next round."""
        self._cancelled.set()
        for future in list(self._revoked):
            future.cancel()
