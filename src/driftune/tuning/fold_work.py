"""The unit of work of a study: one configuration, trained and scored on one fold.

Executors carry orders to whatever fits them, a thread, a process or another machine, and bring
small scores back; tables travel once, predictions never.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError, DriftuneError
from driftune.tuning.memory import resident_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftune.tuning.families import Family, FoldFit, FoldFitter, Table
    from driftune.tuning.splitters import Fold


@dataclass(frozen=True)
class FoldWork:
    """What it takes to fit any fold of a study; can be pickled.

    Attributes:
        table: Encoded data.
        folds: All folds, those of smaller rungs before those of larger ones.
        family: The algorithm.
        seed: Of the fits.
        abreast: How many folds a trial fits side by side; 0 for all.
    """

    table: Table
    folds: list[Fold]
    family: Family
    seed: int
    abreast: int = 0

    def fitter(self, n_jobs: int) -> FoldFitter:
        """Prepare the folds for fits of ``n_jobs`` threads; keep it for all orders."""
        return self.family.fold_fitter(self.table, self.folds, n_jobs=n_jobs, seed=self.seed)


@dataclass(frozen=True)
class FoldOrder:
    """One fit that is wanted.

    Attributes:
        params: The configuration.
        fold: Number in :attr:`FoldWork.folds`.
        end: Moment at which the fit must end, in seconds since 1970; infinite without a limit.
        keep_cut: Whether a fit that the end cuts short is scored all the same.
    """

    params: Mapping[str, Any]
    fold: int
    end: float = math.inf
    keep_cut: bool = True


class TrialCut(DriftuneError):
    """The trial ended without a score that compares with the others; it does not count."""


@dataclass(frozen=True)
class FoldScore:
    """What an order brought.

    Attributes:
        score: On the validation rows, in the metric's natural units.
        train_gap: Validation loss minus the loss on training rows.
        best_iteration: Boosting rounds (or the like) at the best validation loss.
        seconds: Wall time of training and prediction.
        model_kb: Size of the fitted model as it is stored, in units of 1,000 bytes.
        latency_us: Time to predict one row of many, in millionths of a second, with one thread.
        memory_mb: Memory that the loaded model takes, in units of 1,000,000 bytes.
        cut: Whether the fit was ended before it had finished.
        work: As :attr:`driftune.tuning.families.FoldFit.work`.
        resident_mb: Memory of the process that fitted, after the fit; 0 where nobody looked.
    """

    score: float
    train_gap: float
    best_iteration: int
    seconds: float
    model_kb: float
    latency_us: float
    memory_mb: float
    cut: bool
    work: float = math.nan
    resident_mb: float = 0.0


def fit_fold(
    work: FoldWork, fitter: FoldFitter, order: FoldOrder, cancelled: Callable[[], bool]
) -> FoldScore:
    """Carry out an order.

    Args:
        work: The study's.
        fitter: Made by :meth:`FoldWork.fitter`.
        order: Which configuration, on which fold.
        cancelled: Asked after every round, from the fitting thread.

    Raises:
        DataError: The score is not a number.
        TrialCut: The fit was cancelled, or its end came and what there is of it is not wanted: to
            predict many rows would take longer than the round that ended it.
    """

    def stop() -> bool:
        over = time.time() >= order.end
        if cancelled():
            raise TrialCut("A fit was not wanted any more.")
        if over and not order.keep_cut:
            raise TrialCut("Time ran out during a fit (budget.max_seconds).")
        return over

    fit = fitter.fit(order.fold, order.params, stop=stop)
    table, fold = work.table, work.folds[order.fold]
    score = table.metric.score(table.y[fold.valid], fit.prediction)
    if not math.isfinite(score):
        raise DataError(f"The {table.metric.name} of a validation fold is not finite: {score}.")
    return FoldScore(
        score=score,
        train_gap=table.metric.flip(score) - _train_loss(table, fit),
        best_iteration=fit.best_iteration,
        seconds=fit.seconds,
        model_kb=fit.model_bytes / 1e3,
        latency_us=fit.seconds_per_row * 1e6,
        memory_mb=(fit.model_bytes if fit.loaded_bytes is None else fit.loaded_bytes) / 1e6,
        cut=fit.cut,
        work=fit.work,
        resident_mb=resident_mb(),
    )


def _train_loss(table: Table, fit: FoldFit) -> float:
    return table.metric.loss(table.y[fit.train_rows], fit.train_prediction)
