"""Folds on the workers of a Dask cluster, which somebody else started.

The table goes to every worker once and stays there with its bins. Dask itself tries a fold again
elsewhere when its worker dies.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from driftune.errors import MissingPackage, ServiceUnavailable, UsageError, WorkerLost
from driftune.tuning.executors.ending import PoolLost, StudyEnded
from driftune.tuning.fold_work import FoldOrder, FoldScore, FoldWork, fit_fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftune.tuning.families import FoldFitter

SECONDS = 30  # to reach the scheduler, and for its first worker to come
CONNECTED = {"running", "connecting"}  # states of a client that has not given up
ADDRESS = "DASK_SCHEDULER_ADDRESS"  # Dask's own environment variable


@dataclass(frozen=True)
class DaskExecutor:
    """A Dask cluster.

    Args:
        address: Of its scheduler, such as ``tcp://10.0.0.1:8786``. ``None``: the client that this
            process has open, else what ``DASK_SCHEDULER_ADDRESS`` or Dask's configuration says.
    """

    address: str | None = None
    name: ClassVar[str] = "dask"
    shared: ClassVar[bool] = False

    @contextmanager
    def open(self, work: FoldWork, *, n_jobs: int) -> Iterator[DaskFolds]:
        """Send the work to all workers; a fit per thread of theirs, with one thread each.

        Raises:
            MissingPackage: Dask is not installed.
            UsageError: There is no address.
            ServiceUnavailable: No scheduler answers there, or it has no workers.
        """
        with connect(self.address) as client:
            pool = DaskFolds(client, work)
            try:
                yield pool
            finally:
                pool.close()


@contextmanager
def connect(address: str | None) -> Iterator[Any]:
    """A ``distributed.Client`` with at least one worker; see :class:`DaskExecutor`."""
    try:
        import distributed
    except ImportError:
        raise MissingPackage(
            "The executor dask needs Dask: pip install 'driftune[dask]'."
        ) from None
    Client: Any = distributed.Client  # untyped in parts
    with suppress(ValueError):  # none is open
        if address is None:
            yield Client.current()
            return
    where = address or _configured()
    try:
        client = Client(where, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise _unreachable(where, error) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError:
            raise _unreachable(where, "it has no workers") from None
        yield client


def _configured() -> str:
    import dask.config

    where = os.environ.get(ADDRESS) or dask.config.get("scheduler-address", None)
    if not where:
        raise UsageError(
            "The executor dask needs a running cluster: write the address of its scheduler, like"
            f" tcp://10.0.0.1:8786, into tuning.dask_address, or set {ADDRESS}."
        )
    return str(where)


def _unreachable(where: str, why: object) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"The Dask cluster at {where} (tuning.dask_address, or {ADDRESS}) cannot be used: {why}."
    )


class DaskFolds:
    """Enough trials at a time to keep all threads of a cluster busy; see :class:`FoldPool`.

    Args:
        client: Of the cluster.
        work: The study's table and folds.
    """

    def __init__(self, client: Any, work: FoldWork) -> None:
        self.slots = sum(client.nthreads().values())
        self.trials = min(self.slots, self.slots // (work.abreast or len(work.folds)) + 2)
        self._client = client
        self._address = str(client.scheduler.address)
        self._work = work
        self._sent = client.scatter(work, broadcast=True, hash=False)
        self._study = uuid4().hex
        self._numbers = count()
        self._begun: dict[Future[FoldScore], Sent] = {}
        self._ended = False

    def submit(self, order: FoldOrder) -> Future[FoldScore]:
        """Queue a fit on the cluster."""
        if self._ended:
            raise StudyEnded
        future: Future[FoldScore] = Future()
        sent = Sent(order, next(self._numbers))
        self._begun[future] = sent
        future.add_done_callback(self._begun.pop)
        self._send(future, sent)
        return future

    def revoke(self, future: Future[FoldScore]) -> None:
        """End one fit at its next round."""
        sent = self._begun.get(future)
        if sent is not None and future.cancel():
            self._tell_workers(end_fold, self._study, sent.number)
            sent.task.cancel()

    def cancel(self) -> None:
        """End all fits at their next round."""
        self._ended = True
        begun = list(self._begun.items())
        for future, _ in begun:
            with suppress(InvalidStateError):  # it was done at this moment
                future.set_exception(StudyEnded())
        self._tell_workers(end_study, self._study)
        if self._client.status in CONNECTED:
            self._client.cancel([sent.task for _, sent in begun])

    def close(self) -> None:
        """Take the work off the cluster."""
        self.cancel()
        self._tell_workers(forget, self._study)
        self._sent.release()

    def _send(self, future: Future[FoldScore], sent: Sent) -> None:
        if self._client.status not in CONNECTED:  # it gave up, after trying for a while
            raise self._lost()
        sent.task = self._client.submit(
            carry_out, self._sent, self._study, sent.order, sent.number, pure=False
        )
        sent.task.add_done_callback(partial(self._receive, future, sent))

    def _receive(self, future: Future[FoldScore], sent: Sent, task: Any) -> None:
        """Hand on what a task brought; called from a thread of Dask's."""
        with suppress(InvalidStateError):  # it was revoked at this moment
            try:
                if future.done():
                    return
                if task.status == "finished":
                    future.set_result(task.result())
                elif task.status != "error" and self._may_resend(sent):
                    self._sent = self._client.scatter(self._work, broadcast=True, hash=False)
                    self._send(future, sent)
                else:
                    future.set_exception(self._explain(task))
            except OSError:
                future.set_exception(self._lost())

    def _may_resend(self, sent: Sent) -> bool:
        """Whether a task was lost with the last copy of its table, for the first time."""
        sent.attempts += 1
        return sent.attempts == 1 and self._client.status == "running"

    def _explain(self, task: Any) -> BaseException:
        from distributed.scheduler import KilledWorker

        if task.status != "error":
            return self._lost()
        error: BaseException = task.exception()
        if isinstance(error, KilledWorker):
            return WorkerLost(
                f"The workers that tried a fold died, {error.allowed_failures + 1} of them (Dask's"
                " distributed.scheduler.allowed-failures), as happens when memory is short."
            )
        return error

    def _lost(self) -> PoolLost:
        return PoolLost(str(_unreachable(self._address, "the connection was lost")))

    def _tell_workers(self, what: Any, *arguments: Any) -> None:
        """Run something small on every worker, unless they are out of reach."""
        if self._client.status in CONNECTED:
            with suppress(OSError, RuntimeError):  # the connection was lost at this moment
                self._client.run(what, *arguments, on_error="ignore")


@dataclass
class Sent:
    """An order on its way."""

    order: FoldOrder
    number: int
    attempts: int = 0
    task: Any = None


@dataclass
class Kept:
    """What a worker keeps of a study: bins, and what it is told."""

    fitter: FoldFitter | None = None
    ended: bool = False
    revoked: set[int] = field(default_factory=set)


_kept: dict[str, Kept] = {}  # in a worker process, by study
_turn = threading.Lock()


def carry_out(work: FoldWork, study: str, order: FoldOrder, number: int) -> FoldScore:
    """Fit a fold; runs in a thread of a worker."""
    with _turn:  # two threads must not bin the same table
        kept = _kept.setdefault(study, Kept())
        fitter = kept.fitter = kept.fitter or work.fitter(1)
    return fit_fold(work, fitter, order, lambda: kept.ended or number in kept.revoked)


def end_fold(study: str, number: int) -> None:
    """Let a fit end at its next round; runs on every worker."""
    _kept.setdefault(study, Kept()).revoked.add(number)


def end_study(study: str) -> None:
    """Let all fits end at their next round; runs on every worker."""
    _kept.setdefault(study, Kept()).ended = True


def forget(study: str) -> None:
    """Drop the bins; runs on every worker."""
    _kept.pop(study, None)
