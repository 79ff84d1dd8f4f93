"""An algorithm that does what its configuration says: wait, die, or tell where it ran."""

import os
import signal
import sys
import time
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from driftune.metrics import get_metric
from driftune.tuning.families import FoldFit, Table
from driftune.tuning.fold_work import FoldWork
from driftune.tuning.splitters import Fold

# worker processes cannot import this file
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class ObedientFolds:
    """``die``: a file that counts deaths, and how many there shall be; ``wait``: seconds."""

    def __init__(self, table, folds, n_jobs):
        self.table, self.folds, self.n_jobs = table, folds, n_jobs

    def fit(self, fold, params, *, stop):
        started = time.monotonic()
        if "die" in params:
            self._die(Path(params["die"]), params.get("deaths", 1))
        if "fail" in params:
            raise ValueError(params["fail"])
        Path(params.get("began", os.devnull)).write_text(str(os.getpid()))
        cut = False
        while time.monotonic() - started < params.get("wait", 0) and not cut:
            time.sleep(0.02)
            cut = stop()
        rows = self.folds[fold]
        mapped = isinstance(self.table.X, np.memmap)
        return FoldFit(
            prediction=np.full(len(rows.valid), params.get("guess", 0.0)),
            train_prediction=np.zeros(len(rows.train)),
            train_rows=rows.train,
            best_iteration=self.n_jobs,
            curve=[0.0],
            seconds=time.monotonic() - started,
            cut=cut,
            model_bytes=int(mapped),
            seconds_per_row=float(os.getpid()),
        )

    def _die(self, file, deaths):
        died = len(file.read_text()) if file.exists() else 0
        if died < deaths:
            file.write_text("x" * (died + 1))
            os.kill(os.getpid(), signal.SIGKILL)


class Obedient:
    """The family of these fits."""

    name = "obedient"

    def fold_fitter(self, table, folds, *, n_jobs, seed):
        return ObedientFolds(table, list(folds), n_jobs)


def make_work():
    """Two folds of a small table."""
    rng = np.random.default_rng(0)
    table = Table(rng.normal(size=(40, 3)), rng.normal(size=40), 0, 0, get_metric("rmse"))
    halves = np.arange(20), np.arange(20, 40)
    return FoldWork(table, [Fold(*halves), Fold(*halves[::-1])], Obedient(), 0)


@pytest.fixture(scope="session")
def work():
    return make_work()
