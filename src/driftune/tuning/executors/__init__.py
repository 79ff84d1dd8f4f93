"""Executors: where the folds of a study are fitted.

``local``: on the cores of this machine. :func:`get_executor` finds one by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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
    """Makes pools."""

    name: str

    def open(self, work: FoldWork, *, n_jobs: int) -> AbstractContextManager[FoldPool]:
        """Make a pool for a study; leaving it ends its fits.

        Args:
            work: The study's table and folds.
            n_jobs: Cores that the fits on this machine may use together.
        """
        ...


def get_executor(name: str) -> Executor:
    """Find an executor by name.

    Raises:
        UsageError: There is no such executor.
    """
    from driftune.tuning.executors.local import LocalExecutor

    known: dict[str, Executor] = {executor.name: executor for executor in (LocalExecutor(),)}
    if name not in known:
        raise UsageError(
            f"There is no executor {name!r} (tuning.executor).{close_match(name, known)}"
        )
    return known[name]
