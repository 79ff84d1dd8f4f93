"""The score of one configuration: its mean over the folds, and what explains it."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, DriftuneError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna

    from driftune.tuning.budget import Clock
    from driftune.tuning.families import FoldFit, FoldFitter, Table
    from driftune.tuning.space import SearchSpace
    from driftune.tuning.splitters import Fold

FAILURE = "driftune:failure"  # user attribute: why a trial failed; interrupted trials have none
CUT = "driftune:cut"  # user attribute: the deadline shortened a fit of this trial


class TrialCut(DriftuneError):
    """The deadline came before the trial had a score that compares with the others."""


@dataclass
class Objective:
    """Cross-validated score for Optuna, in the metric's natural units.

    Args:
        space: What to ask the trial for.
        fitter: Trains one configuration on one fold.
        table: Encoded data, for the scores.
        folds: Validation splits.
        clock: Says when time is up.
        completed: Trials of the study that have a score already.
        workers: Folds that are fitted at the same time, in threads.
    """

    space: SearchSpace
    fitter: FoldFitter
    table: Table
    folds: Sequence[Fold]
    clock: Clock
    completed: int = 0
    workers: int = 1

    def __call__(self, trial: optuna.Trial) -> float:
        """Train on all folds, note what explains the score, and return the mean.

        Raises:
            TrialCut: Time ran out, and enough trials are complete without this one.
        """
        params = self.space.suggest(trial)
        try:
            fits = self._fit_folds(params)
            scores = self._scores(fits)
        except TrialCut:
            raise
        except Exception as error:
            trial.set_user_attr(FAILURE, f"{type(error).__name__}: {error}")
            raise
        self._explain(trial, fits, scores)
        self.completed += 1
        return float(np.mean(scores))

    def _fit_folds(self, params: Mapping[str, Any]) -> list[FoldFit]:
        """Fit all folds, the longest first; whatever goes wrong in one ends the others too."""
        must_finish = self.completed < self.clock.budget.min_trials
        waves = math.ceil(len(self.folds) / self.workers) if must_finish else 1
        share = self.clock.remaining / waves  # a trial that must finish leaves time for each wave
        cancelled = Event()

        def fit(number: int) -> FoldFit:
            end = time.monotonic() + share
            stop = lambda: cancelled.is_set() or time.monotonic() >= end  # noqa: E731
            return self.fitter.fit(number, params, stop=stop)

        longest_first = sorted(range(len(self.folds)), key=lambda n: -len(self.folds[n].train))
        with ThreadPoolExecutor(self.workers) as pool:
            futures = {number: pool.submit(fit, number) for number in longest_first}
            try:
                fits = [futures[number].result() for number in range(len(self.folds))]
            except BaseException:  # Ctrl-C as well: threads end at their next round
                cancelled.set()
                pool.shutdown(cancel_futures=True)
                raise
        if any(fit.cut for fit in fits) and not must_finish:
            raise TrialCut("Time ran out during this trial (budget.max_seconds).")
        return fits

    def _scores(self, fits: Sequence[FoldFit]) -> list[float]:
        metric = self.table.metric
        scores = [
            metric.score(self.table.y[fold.valid], fit.prediction)
            for fold, fit in zip(self.folds, fits, strict=True)
        ]
        if not all(map(math.isfinite, scores)):
            raise DataError(f"The {metric.name} of a validation fold is not finite: {scores}.")
        return scores

    def _explain(self, trial: optuna.Trial, fits: Sequence[FoldFit], scores: list[float]) -> None:
        metric = self.table.metric
        gaps = [
            metric.loss(self.table.y[fold.valid], fit.prediction)
            - metric.loss(self.table.y[fit.train_rows], fit.train_prediction)
            for fold, fit in zip(self.folds, fits, strict=True)
        ]
        rounds = [fit.best_iteration for fit in fits]
        trial.set_user_attr("fold_scores", scores)
        trial.set_user_attr("spread", float(np.std(scores, ddof=1)))
        trial.set_user_attr("train_gap", float(np.mean(gaps)))
        trial.set_user_attr("best_iteration", int(np.median(rounds)))
        trial.set_user_attr("fit_seconds", sum(fit.seconds for fit in fits))
        if any(fit.cut for fit in fits):
            trial.set_user_attr(CUT, True)
