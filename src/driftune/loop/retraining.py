"""Fit the models of a retraining matrix: one known configuration, on whatever was known when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.files import replace_file
from driftune.monitoring.matrix import History, RetrainingMatrix
from driftune.promotion import hold_out_newest
from driftune.promotion.registry import CHAMPION
from driftune.tuning import Budget, TuningResult, predict, refit, tune

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pandas import DataFrame

    from driftune.loop.past_rows import PastRows
    from driftune.metrics import FloatArray
    from driftune.monitoring.matrix import Rows
    from driftune.problem import Problem
    from driftune.project import Project
    from driftune.settings import Settings

MODEL_PACKAGES = {"lightgbm", "scikit-learn", "xgboost"}  # another version fits another model


@dataclass(frozen=True)
class Known:
    """The hyperparameters that every model of a backtest is fitted with.

    Attributes:
        result: As :func:`driftune.tuning.refit` takes it, with rounds found on the initial rows.
        source: Whose they are, for people.
    """

    result: TuningResult
    source: str


@dataclass(frozen=True)
class Learner:
    """Fits a configuration on some rows of a table and predicts others; safe in threads.

    Attributes:
        problem: What is predicted.
        table: All rows of the history.
        known: The configuration.
        family: What the settings say of the model family.
        n_jobs: Threads of one fit.
        classes: Labels in sorted order; ``None`` for regression.
    """

    problem: Problem
    table: DataFrame
    known: Known
    family: str | tuple[str, ...]
    n_jobs: int
    classes: NDArray[Any] | None

    def __call__(self, rows: Rows, first: int) -> FloatArray:
        """Fit on ``rows``; return predictions of the rows from ``first`` on."""
        model = refit(
            self.problem,
            self.table.iloc[rows],
            self.known.result,
            n_jobs=self.n_jobs,
            family=self.family,
        )
        later = self.table.iloc[first:][list(model.feature_names_in_)]
        return self._by_class(model, predict(model, later, self.problem.task))

    def _by_class(self, model: Any, predictions: FloatArray) -> FloatArray:
        """Give every class a column, also one that this model has not met."""
        if (
            self.classes is None
            or predictions.ndim == 1
            or len(model.classes_) == len(self.classes)
        ):
            return predictions
        wide = np.zeros((len(predictions), len(self.classes)))
        wide[:, np.searchsorted(self.classes, model.classes_)] = predictions
        return wide


def retraining_matrix(
    project: Project, settings: Settings, past: PastRows, *, workers: int
) -> tuple[RetrainingMatrix, Learner]:
    """Lay out the matrix of a history; nothing is fitted yet but one configuration's rounds.

    Args:
        project: Where the champion is, and where fitted models' predictions are kept.
        settings: The problem.
        past: Its rows.
        workers: Fits at a time, each with one thread.
    """
    # the history has neither ids nor what is dropped
    settings = settings.model_copy(update={"ids": (), "drop": ()})
    labels, classes = encode(settings.problem, past.table)
    history = History(past.names, past.ends, labels)
    rows = KnownRows(settings, past.table)
    search = np.setdiff1d(history.known(0), rows.hold_out(history.known(0)), assume_unique=True)
    home = project.state / "backtest" / settings.name
    known = known_configuration(project, settings, past, search, home)
    learner = Learner(
        settings.problem, past.table, known, settings.tuning.family, n_jobs=1, classes=classes
    )
    folder = home / _key(settings, past, known.result)
    matrix = RetrainingMatrix(history, learner, rows.hold_out, folder, workers)
    return matrix, learner


@dataclass(frozen=True)
class KnownRows:
    """The table as the gate sees it.

    Attributes:
        settings: The problem with its gate.
        table: All rows of the history.
    """

    settings: Settings
    table: DataFrame

    def hold_out(self, rows: Rows) -> Rows:
        """Return those of the known ``rows`` that the gate keeps, in the order it judges them."""
        columns = list(filter(None, (self.settings.target, self.settings.time)))
        seen = self.table[columns].iloc[rows].assign(__row__=rows)
        _, held = hold_out_newest(seen, self.settings.problem, self.settings.gate)
        return held["__row__"].to_numpy(dtype=np.int64)


def encode(problem: Problem, table: DataFrame) -> tuple[FloatArray, NDArray[Any] | None]:
    """Return labels (n,) as numbers, NaN where missing, and the classes where there are any."""
    target = table[problem.target]
    if problem.task == "regression":
        return target.to_numpy(dtype=float, na_value=np.nan), None
    plain = target.dropna()
    classes = np.unique(plain.to_numpy() if plain.dtype != "category" else np.asarray(plain))
    labels = np.full(len(table), np.nan)
    labels[target.notna().to_numpy()] = np.searchsorted(classes, plain)
    return labels, classes


def known_configuration(
    project: Project, settings: Settings, past: PastRows, rows: Rows, home: Path
) -> Known:
    """Return the champion's configuration, or without a champion the family's default.

    How many boosting rounds it needs is found by one trial on the first search rows.
    """
    version, params = _champion(project, settings)
    source = f"those of version {version}, the champion" if params else "the family's default"
    text = json.dumps([past.key, params, settings.target, settings.metric], sort_keys=True)
    text += settings.tuning.model_dump_json(
        include={"family", "space", "folds", "splitter", "seed"}
    )
    kept = home / f"configuration-{sha256(text.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        return Known(TuningResult.from_dict(json.loads(kept.read_text("utf-8"))), source)
    plan = settings.tuning
    result = tune(
        settings.problem,
        past.table.iloc[rows],
        space=plan.space,
        budget=Budget(max_seconds=None, max_trials=1),
        n_folds=plan.folds,
        splitter=plan.splitter,
        seed=plan.seed,
        family=plan.family,
        warm_start=[params] if params else [],
        earlier_configurations=0,
        pruning="none",
    )
    if result.stop_reason == "user":
        raise KeyboardInterrupt
    with replace_file(kept) as path:
        path.write_text(json.dumps(result.to_dict()), encoding="utf-8")
    return Known(result, source)


def _champion(project: Project, settings: Settings) -> tuple[int | None, dict[str, Any] | None]:
    """Return the champion's version and configuration; neither where there is none on record."""
    registry = project.registry(settings.name)
    version = registry.version_of(CHAMPION)
    if version is None:
        return None, None
    for row in project.ledger.retunes(settings.name):
        if row.details.get("version") == version and "best_params" in row.details:
            return version, dict(row.details["best_params"])
    return version, None


def _key(settings: Settings, past: PastRows, result: TuningResult) -> str:
    """Name what the models of a matrix have in common: rows, configuration, packages."""
    from importlib.metadata import distributions

    packages = {d.name: d.version for d in distributions() if d.name in MODEL_PACKAGES}
    facts = [
        past.key, result.family, result.best_params, result.best_rounds, result.fold_rows,
        result.seed, settings.problem.model_dump_json(), sorted(packages.items()),
    ]  # fmt: skip
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
