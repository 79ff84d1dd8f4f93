"""One run: one table, one model, one arm, one seed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from driftune.bench.arms import build_sampler, first_configurations
from driftune.bench.models import SPACES, build_estimator
from driftune.errors import SpendLimitReached
from driftune.tuning.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.bench.counted_model import CountedModel
    from driftune.bench.preparation import Prepared
    from driftune.bench.recipes import Task

_SMALL_TABLE = 10_000  # rows below which a second thread costs more than it brings


@dataclass
class Run:
    """What one run gave.

    Attributes:
        table: Its name.
        model: ``lightgbm`` or ``xgboost``.
        arm: A key of ``ARMS``.
        seed: Of the sampler.
        task: Regression or classification.
        values: Mean CV score per trial: weighted F1, or MAE in units of the target.
        cv: The best of them.
        test: Score on the held-out rows of the best configuration, fitted on all training rows.
        params: That configuration.
        seconds: Wall time of the search; the test is not in it.
        suggest_seconds: What of it was not spent in fits: the sampler and the language model.
        calls: Questions to the language model.
        failures: Questions without an answer.
        fallbacks: Values that SLLMBO took from the middle of the range for want of an answer.
        tokens: Read and written.
        cost_usd: ``None`` when a price is unknown.
        language_model: Who was asked; empty when nobody.
    """

    table: str
    model: str
    arm: str
    seed: int
    task: Task
    values: list[float]
    cv: float
    test: float
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    suggest_seconds: float = 0.0
    calls: int = 0
    failures: int = 0
    fallbacks: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    language_model: str = ""


def search(
    prepared: Prepared,
    *,
    model: str,
    arm: str,
    seed: int,
    trials: int,
    language_model: CountedModel | None = None,
    threads: int = 0,
    on_trial: Callable[[], None] | None = None,
) -> Run:
    """Search as the paper does, then score the best configuration on the test split.

    Args:
        prepared: The task.
        model: A key of ``SPACES``.
        arm: A key of ``ARMS``.
        seed: Of the sampler.
        trials: Configurations, each of which is fitted once per fold.
        language_model: Fresh for this run; needed by the arms that ask.
        threads: Per fit; 0 takes one for small tables and all cores for others.
        on_trial: Called after each trial.

    Raises:
        SpendLimitReached: The money for the language model ran out: half a run is none.
    """
    threads = threads or (1 if len(prepared.y_train) < _SMALL_TABLE else usable_cores())
    sampler = build_sampler(arm, model, prepared, language_model, seed)
    study = optuna.create_study(direction=prepared.direction, sampler=sampler)
    for params in first_configurations(arm, model, prepared)[:trials]:
        study.enqueue_trial(params)
    objective = _Objective(prepared, model, threads)

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if language_model is not None and language_model.spent_out:
            raise SpendLimitReached(language_model.spent_out)
        if on_trial:
            on_trial()

    start = time.perf_counter()
    study.optimize(objective, n_trials=trials, callbacks=[after])
    seconds = time.perf_counter() - start
    best = study.best_trial
    return Run(
        table=prepared.name,
        model=model,
        arm=arm,
        seed=seed,
        task=prepared.task,
        values=[float(trial.value) for trial in study.trials if trial.value is not None],
        cv=float(study.best_value),
        test=_score_test(prepared, model, best.params, threads),
        params=best.params,
        seconds=round(seconds, 3),
        suggest_seconds=round(max(0.0, seconds - objective.seconds), 3),
        fallbacks=getattr(sampler, "fallbacks", 0),
        **({} if language_model is None else _count(language_model)),
    )


class _Objective:
    """The mean score over the folds, and the seconds that the fits took."""

    def __init__(self, prepared: Prepared, model: str, threads: int) -> None:
        self._prepared = prepared
        self._model = model
        self._threads = threads
        self.seconds = 0.0

    def __call__(self, trial: optuna.Trial) -> float:
        space = SPACES[self._model]
        params = {name: _suggest(trial, name, limit) for name, limit in space.items()}
        start = time.perf_counter()
        scores = _score_folds(self._prepared, self._model, params, self._threads)
        self.seconds += time.perf_counter() - start
        trial.set_user_attr("fold_scores", scores)
        return float(np.mean(scores))


def _count(asked: CountedModel) -> dict[str, Any]:
    return {
        "calls": asked.calls,
        "failures": asked.failures,
        "tokens": asked.tokens,
        "cost_usd": asked.cost_usd,
        "language_model": asked.model,
    }


def _suggest(trial: optuna.Trial, name: str, limit: Any) -> float | int:
    if isinstance(limit, optuna.distributions.IntDistribution):
        return trial.suggest_int(name, limit.low, limit.high)
    return trial.suggest_float(name, limit.low, limit.high)


def _score_folds(
    prepared: Prepared, model: str, params: dict[str, Any], threads: int
) -> list[float]:
    scores = []
    for train, valid in prepared.folds:
        estimator = build_estimator(model, prepared, params, threads)
        estimator.fit(prepared.X_train.iloc[train], prepared.y_train[train])
        predicted = estimator.predict(prepared.X_train.iloc[valid])
        scores.append(_score(prepared.task, prepared.y_train[valid], predicted))
    return scores


def _score_test(prepared: Prepared, model: str, params: dict[str, Any], threads: int) -> float:
    estimator = build_estimator(model, prepared, params, threads)
    estimator.fit(prepared.X_train, prepared.y_train)
    return _score(prepared.task, prepared.y_test, estimator.predict(prepared.X_test))


def _score(task: Task, y: Any, predicted: Any) -> float:
    from sklearn.metrics import f1_score, mean_absolute_error

    if task == "classification":
        return float(f1_score(y, predicted, average="weighted"))
    return float(mean_absolute_error(y, predicted))
