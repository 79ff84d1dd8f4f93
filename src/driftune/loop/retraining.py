"""Fit the models of a retraining matrix: one known configuration, on whatever was known when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune import __version__
from driftune.files import replace_file
from driftune.loop.champion import known_champion
from driftune.loop.past_gate import PastGate
from driftune.loop.past_spans import Spans
from driftune.loop.past_world import PastWorld
from driftune.monitoring.matrix import History, RetrainingMatrix
from driftune.promotion import hold_out_newest
from driftune.tuning import Budget, TuningResult, predict, refit, tune
from driftune.tuning.known import configuration_of, known_result, quick

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pandas import DataFrame

    from driftune.loop.past_rows import PastRows
    from driftune.loop.pricing import Pricing
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
        result: The configuration.
        family: What the settings say of the model family.
        classes: Labels in sorted order; ``None`` for regression.
    """

    problem: Problem
    table: DataFrame
    result: TuningResult
    family: str | tuple[str, ...]
    classes: NDArray[Any] | None

    def __call__(self, rows: Rows, first: int, end: int) -> FloatArray:
        """Fit on ``rows`` with one thread; return predictions of the rows from first to end."""
        labelled = self.table.iloc[rows]
        model = refit(self.problem, labelled, self.result, n_jobs=1, family=self.family)
        later = self.table.iloc[first:end][list(model.feature_names_in_)]
        if later.empty:
            return np.empty((0, *self._shape))
        return self._by_class(model, predict(model, later, self.problem.task))

    @property
    def _shape(self) -> tuple[int, ...]:
        return (
            (len(self.classes),)
            if self.problem.task == "multiclass" and self.classes is not None
            else ()
        )

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


def past_world(
    settings: Settings,
    past: PastRows,
    known: Known,
    home: Path,
    *,
    workers: int = 1,
    label_delay: int = 0,
    pricing: Pricing | None = None,
) -> PastWorld:
    """Lay out the matrices of a history; nothing is fitted yet.

    Args:
        settings: The problem.
        past: Its rows.
        known: The hyperparameters.
        home: Where fitted models' predictions are kept.
        workers: Fits at a time, each with one thread.
        label_delay: Labels of a batch are there after so many further batches.
        pricing: What a retune is assumed to cost.
    """
    labels, classes = encode(settings.problem, past.table)
    folder = home / _key(settings, past, known.result)
    history = History(past.names, past.ends, labels)
    matrix, probes = (
        RetrainingMatrix(
            history,
            Learner(settings.problem, past.table, result, settings.tuning.family, classes),
            folder / part,
            workers,
        )
        for part, result in (("models", known.result), ("probes", quick(known.result, len(labels))))
    )
    spans = Spans(settings.problem, past.table, known.result, settings.tuning.family, folder)
    gate = PastGate(settings, past.table, matrix, spans)
    months = _months(settings, past)
    return PastWorld(settings, past.table, matrix, probes, gate, months, label_delay, pricing)


def _months(settings: Settings, past: PastRows) -> tuple[str, ...]:
    """Say in which month each batch ends; without time stamps every batch has one of its own."""
    from pandas.api.types import is_datetime64_any_dtype

    if not settings.time or not is_datetime64_any_dtype(past.table[settings.time]):
        return past.names
    ends = past.table[settings.time].iloc[[end - 1 for end in past.ends]]
    return tuple(f"{end:%Y-%m}" for end in ends)


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


def known_configuration(project: Project, settings: Settings, past: PastRows, home: Path) -> Known:
    """Return the champion's configuration, or without a champion the family's default."""
    champion = known_champion(project, settings)
    if champion is None:
        return default_configuration(settings, past, home)
    source = f"those of version {champion.version}, the champion"
    return Known(known_result(champion.configuration), source)


def default_configuration(settings: Settings, past: PastRows, home: Path) -> Known:
    """Return the family's default; one trial on the first search rows finds how many rounds."""
    source = "the family's default, since there is no champion yet"
    plan = settings.tuning
    text = f"{past.key}|{settings.target}|{settings.metric}|{settings.gate.holdout}"
    text += plan.model_dump_json(include={"family", "space", "folds", "splitter", "seed"})
    kept = home / f"configuration-{sha256(text.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        return Known(known_result(json.loads(kept.read_text("utf-8"))), source)
    rows, _ = hold_out_newest(past.table.iloc[: past.ends[0]], settings.problem, settings.gate)
    result = tune(
        settings.problem,
        rows,
        space=plan.space,
        budget=Budget(max_seconds=None, max_trials=1),
        n_folds=plan.folds,
        splitter=plan.splitter,
        seed=plan.seed,
        family=plan.family,
        earlier_configurations=0,
        pruning="none",
    )
    if result.stop_reason == "user":
        raise KeyboardInterrupt
    with replace_file(kept) as path:
        path.write_text(json.dumps(configuration_of(result)), encoding="utf-8")
    return Known(result, source)


def _key(settings: Settings, past: PastRows, result: TuningResult) -> str:
    """Name what the models of a matrix have in common: rows, configuration, versions."""
    from importlib.metadata import distributions

    packages = {d.name: d.version for d in distributions() if d.name in MODEL_PACKAGES}
    facts = [
        past.key, result.family, result.best_params, result.best_rounds, result.fold_rows,
        result.rounds_exponent, result.seed, settings.problem.model_dump_json(),
        sorted(packages.items()), __version__,
    ]  # fmt: skip
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
