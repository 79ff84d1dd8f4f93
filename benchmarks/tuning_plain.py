"""Plain Optuna: what a careful user writes today, and the yardstick of the tuning race.

TPE, five folds, LightGBM's scikit-learn interface with early stopping and categories of pandas.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial
    from tuning_tables import RaceTable

MOST_ROUNDS = 2000
PATIENCE = 50
FOLDS = 5
RULES = 1  # raise it when what plain Optuna does here changes: old results are measured anew
SKLEARN_NAMES = {  # of LightGBM's own names, by which tune() answers
    "bagging_fraction": "subsample",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "min_data_in_leaf": "min_child_samples",
    "min_gain_to_split": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "num_iterations": "n_estimators",
}
EVAL_METRICS = {"roc_auc": "auc", "log_loss": "binary_logloss", "accuracy": "multi_logloss"}


@dataclass(frozen=True)
class Moment:
    """A configuration that became the best of its study.

    Attributes:
        seconds: Wall time since the study began.
        value: Its score in that study.
        params: By LightGBM's own names or those of its scikit-learn interface.
        rounds: Boosting rounds that the study found for it.
        cpu: Seconds that the process had computed by then; ``None`` where several processes did.
    """

    seconds: float
    value: float
    params: dict[str, Any]
    rounds: int
    cpu: float | None


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw a configuration; the ranges are those of our preset ``recommended``."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 256, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 2, 200, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-6, 10.0, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-6, 100.0, log=True),
    }


def cross_validate(
    table: RaceTable, params: Mapping[str, Any], n_jobs: int, *, neutral: bool = False
) -> tuple[float, int]:
    """Return the mean score over the five folds, and the mean of the best rounds.

    Args:
        table: The table.
        params: By LightGBM's own names or those of its scikit-learn interface.
        n_jobs: Threads.
        neutral: Take folds that no arm has seen instead.
    """
    X, y = table.train_features, table.target(table.train)
    scores, rounds = [], []
    for train, valid in table.neutral_folds() if neutral else table.cut(FOLDS):
        model = make_model(table, params, MOST_ROUNDS, n_jobs)
        model.fit(
            X.iloc[train],
            y[train],
            eval_X=X.iloc[valid],
            eval_y=y[valid],
            eval_metric=EVAL_METRICS.get(table.problem.metric, table.problem.metric),
            callbacks=[early_stopping(PATIENCE, verbose=False)],
        )
        scores.append(table.score(y[valid], predict(table, model, X.iloc[valid])))
        rounds.append(model.best_iteration_)
    return float(np.mean(scores)), round(float(np.mean(rounds)))


def refit_and_test(
    table: RaceTable, params: Mapping[str, Any], rounds: int, n_jobs: int
) -> tuple[float, float]:
    """Return the score on the test rows of one fit on all rows, and the seconds of that fit."""
    model = make_model(table, params, rounds, n_jobs)
    X, y = table.train_features, table.target(table.train)
    began = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - began
    prediction = predict(table, model, table.features(table.test))
    return table.score(table.target(table.test), prediction), seconds


def make_model(table: RaceTable, params: Mapping[str, Any], rounds: int, n_jobs: int) -> Any:
    """Return an unfitted estimator; bagging is switched on when a share is asked for."""
    named = {SKLEARN_NAMES.get(name, name): value for name, value in params.items()}
    settings = {"n_estimators": rounds, "n_jobs": n_jobs, "random_state": 0, "verbosity": -1}
    kind = LGBMRegressor if table.problem.task == "regression" else LGBMClassifier
    return kind(**settings | {"subsample_freq": 1} | named)


def predict(table: RaceTable, model: Any, X: Any) -> NDArray[Any]:
    """Return predictions in the shape that the metric takes."""
    if table.problem.task == "regression":
        return np.asarray(model.predict(X))
    shares = np.asarray(model.predict_proba(X))
    return shares[:, 1] if table.problem.task == "binary" else shares


def run_plain(
    table: RaceTable, *, seed: int, trials: int, n_jobs: int, processes: int, folder: Path
) -> dict[str, Any]:
    """Run the study; return its seconds, the seconds and score of each trial, and the moments."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    work = partial(_optimize, table, seed, trials // processes, max(1, n_jobs // processes))
    if processes == 1:
        began = datetime.now()
        study = _create(table, None)
        work(study, 0)
        peak = 0.0
    else:
        file = str(folder / "journal.log")
        _create(table, file)
        context = multiprocessing.get_context("spawn")
        with context.Pool(processes) as pool:
            peak = sum(pool.starmap(_work, [(work, table, file, n) for n in range(processes)], 1))
        study = _create(table, file)
        began = min(trial.datetime_start for trial in study.trials)
    done = sorted(study.trials, key=lambda trial: trial.datetime_complete)
    curve = [[(t.datetime_complete - began).total_seconds(), t.value] for t in done]
    moments = find_moments(done, curve, table.problem.metric_object.flip, processes > 1)
    return {
        "seconds": curve[-1][0],
        "cpu": None if processes > 1 else done[-1].user_attrs["cpu"],
        "trials": curve,
        "moments": [asdict(moment) for moment in moments],
        "workers_mb": peak,
    }


def find_moments(
    trials: list[FrozenTrial], curve: list[list[float]], flip: Any, many: bool
) -> list[Moment]:
    """Return the trials that were better than all before them."""
    moments: list[Moment] = []
    for trial, (seconds, value) in zip(trials, curve, strict=True):
        if not moments or flip(value) < flip(moments[-1].value):
            cpu = None if many else trial.user_attrs["cpu"]
            moments.append(Moment(seconds, value, trial.params, trial.user_attrs["rounds"], cpu))
    return moments


def _create(table: RaceTable, journal: str | None) -> optuna.Study:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return optuna.create_study(
        study_name="plain",
        storage=None if journal is None else JournalStorage(JournalFileBackend(journal)),
        direction=table.problem.metric_object.direction,
        load_if_exists=True,
    )


def _work(work: Any, table: RaceTable, journal: str, number: int) -> float:
    """Run one of several processes; return its greatest memory in megabytes."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    work(_create(table, journal), number)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _optimize(
    table: RaceTable, seed: int, trials: int, n_jobs: int, study: optuna.Study, number: int
) -> None:
    study.sampler = optuna.samplers.TPESampler(seed=1000 * number + seed)
    began = time.process_time()

    def objective(trial: optuna.Trial) -> float:
        score, rounds = cross_validate(table, suggest(trial), n_jobs)
        trial.set_user_attr("rounds", rounds)
        trial.set_user_attr("cpu", time.process_time() - began)
        return score

    study.optimize(objective, n_trials=trials)
