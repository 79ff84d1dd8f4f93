"""Folds in worker processes of this machine, for several trials at a time.

The table is written once to a temporary folder (``TMPDIR``), from which every process maps it into
memory; what a process makes of it, such as LightGBM's bins, is kept for its later fits. Processes
are started by loky, the way of scikit-learn's ``n_jobs``: never by a fork, and a script needs no
``if __name__ == "__main__"``.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from driftune.errors import WorkerLost
from driftune.tuning.executors.ending import StudyEnded
from driftune.tuning.fold_work import FoldOrder, FoldScore, FoldWork, fit_fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftune.tuning.families import FoldFitter

WORK = "work.joblib"
STOP_ALL = "stop"
FOLLOW_SECONDS = 1.0  # how often a process looks whether its parent still lives
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def open_processes(work: FoldWork, *, workers: int, n_jobs: int) -> Iterator[ProcessFolds]:
    """Start the pool; leaving it kills its processes and removes its files.

    Args:
        work: The study's table and folds.
        workers: How many processes, at most one per core.
        n_jobs: Cores that they share evenly.
    """
    workers = max(1, min(workers, n_jobs))
    with TemporaryDirectory(prefix="driftune-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_work(work, folder)
        pool = ProcessFolds(folder, workers, n_jobs // workers)
        try:
            yield pool
        finally:
            pool.close()


def write_work(work: FoldWork, folder: Path) -> None:
    """Lay the work down so that its arrays can be mapped into memory."""
    import joblib

    # a family may be defined in the caller's script, which the processes do not import
    family = joblib.wrap_non_picklable_objects(work.family, keep_wrapper=False)
    joblib.dump(replace(work, family=family), folder / WORK)


class ProcessFolds:
    """As many trials at a time as there are processes; see :class:`FoldPool`.

    Args:
        folder: Holds the work and the signs to stop.
        workers: Processes, started when they are first needed.
        n_jobs: Threads of each.
    """

    def __init__(self, folder: Path, workers: int, n_jobs: int) -> None:
        self.slots = self.trials = workers
        self._folder = folder
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fold")
        self._processes = [FoldProcess(folder, n_jobs) for _ in range(workers)]
        self._idle: SimpleQueue[FoldProcess] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._numbers = count()
        self._begun: dict[Future[FoldScore], int] = {}
        self._cancelled = threading.Event()

    def submit(self, order: FoldOrder) -> Future[FoldScore]:
        """Queue a fit; it raises ``StudyEnded`` when it was ended by :meth:`cancel`."""
        if self._cancelled.is_set():
            raise StudyEnded
        number = next(self._numbers)
        future = self._threads.submit(self._fit, order, number)
        self._begun[future] = number
        future.add_done_callback(self._begun.pop)
        return future

    def revoke(self, future: Future[FoldScore]) -> None:
        """End one fit at its next round."""
        number = self._begun.get(future)
        if not future.cancel() and number is not None:
            _stop_sign(self._folder, number).touch()

    def cancel(self) -> None:
        """End all fits at their next round."""
        self._cancelled.set()
        with suppress(FileNotFoundError):
            (self._folder / STOP_ALL).touch()

    def close(self) -> None:
        """End the processes, whatever they do."""
        self.cancel()
        for process in self._processes:
            process.close()
        self._threads.shutdown()

    def _fit(self, order: FoldOrder, number: int) -> FoldScore:
        if self._cancelled.is_set():
            raise StudyEnded
        process = self._idle.get()
        try:
            score = process.fit(order, number)
        finally:
            self._idle.put(process)
        if self._cancelled.is_set():  # the score may be that of half a fit
            raise StudyEnded
        return score


class FoldProcess:
    """A process that fits one fold at a time, and its successor if it dies."""

    def __init__(self, folder: Path, n_jobs: int) -> None:
        self._folder = folder
        self._n_jobs = n_jobs
        self._executor: Any = None
        self._closed = False
        self._turn = threading.Lock()

    def fit(self, order: FoldOrder, number: int) -> FoldScore:
        """Carry out an order, a second time if the process dies of it.

        Raises:
            WorkerLost: It died again.
            StudyEnded: The pool was closed.
        """
        from joblib.externals.loky.process_executor import ShutdownExecutorError

        reason = ""
        for _ in range(2):
            executor = self._start()
            try:
                order_sent = executor.submit(carry_out, self._folder, self._n_jobs, order, number)
                score: FoldScore = order_sent.result()
                return score
            except ShutdownExecutorError:
                raise StudyEnded from None
            except BrokenExecutor as error:
                if self._closed:
                    raise StudyEnded from None
                reason = _exit_code(error)
                self._end()
        raise WorkerLost(
            f"Its worker process ended twice before it was done ({reason}), as happens when"
            " memory is short: fewer tuning.workers take less."
        )

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._end()

    def _start(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        with self._turn:
            if self._closed:
                raise StudyEnded
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    max_workers=1,
                    initializer=begin,
                    initargs=(os.getpid(), self._folder),
                    env=dict.fromkeys(POOLS, str(self._n_jobs)),
                )
            return self._executor

    def _end(self) -> None:
        with self._turn:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(kill_workers=True)


def begin(parent: int, folder: Path) -> None:
    """Make a new process a worker: deaf to Ctrl-C, which its parent hears, and gone with it."""
    from joblib.externals.loky import process_executor

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # loky takes a process that has grown by 300 MB for a leak and ends it: ours keeps its bins
    process_executor._USE_PSUTIL = False
    threading.Thread(target=_follow, args=(parent, folder), daemon=True).start()


def carry_out(folder: Path, n_jobs: int, order: FoldOrder, number: int) -> FoldScore:
    """Fit a fold; runs in the worker process."""
    work, fitter = _read_work(folder, n_jobs)
    signs = (str(_stop_sign(folder, number)), str(folder / STOP_ALL))
    return fit_fold(work, fitter, order, lambda: any(map(os.path.exists, signs)))


@cache
def _read_work(folder: Path, n_jobs: int) -> tuple[FoldWork, FoldFitter]:
    import joblib

    work: FoldWork = joblib.load(folder / WORK, mmap_mode="r")
    return work, work.fitter(n_jobs)


def _exit_code(error: BaseException) -> str:
    """What loky says of how a process ended, such as ``SIGKILL(-9)``."""
    code = re.search(r"\{(.+?)\}", str(error))
    return code[1] if code else type(error).__name__


def _stop_sign(folder: Path, number: int) -> Path:
    return folder / f"stop-{number}"


def _follow(parent: int, folder: Path) -> None:
    """End this process, and tidy up, when its parent was killed."""
    while os.getppid() == parent:
        time.sleep(FOLLOW_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
