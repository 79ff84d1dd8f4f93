"""Families of scikit-learn estimators: one small class each, here or in a project of yours."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.tuning.families.design import build_design
from driftune.tuning.families.growth import FoldRows, Trained, fit_once, grow_trees
from driftune.tuning.families.quiet import quiet, useful_threads
from driftune.tuning.footprint import predict_timed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftune.metrics import Metric
    from driftune.tuning.families import FoldFit, Shape, Stop, Table
    from driftune.tuning.splitters import Fold

TRAIN_SAMPLE = 2000  # rows on which the training score is measured


@dataclass(frozen=True)
class Order:
    """What an estimator is built for.

    Attributes:
        metric: What is optimised; ``metric.task`` is regression, binary or multiclass.
        shape: Of the table that it will be fitted on.
        n_jobs: Threads.
        seed: Of whatever is random.
        n_rounds: Trees, rounds or epochs to make, as the folds found them; ``None`` in the folds.
    """

    metric: Metric
    shape: Shape
    n_jobs: int
    seed: int
    n_rounds: int | None = None

    @property
    def classifies(self) -> bool:
        """Whether the target holds classes."""
        return self.metric.task != "regression"


class ScikitFamily:
    """Base of the families whose models are scikit-learn estimators.

    A family of your own states these attributes and :meth:`build`; ``tuning.family`` then names it
    as ``my_package.my_module:Neighbours``.

    >>> from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    >>> class Neighbours(ScikitFamily):
    ...     name = "neighbours"
    ...     parameter_names = frozenset({"n_neighbors", "p"})
    ...     presets = {"recommended": {"n_neighbors": {"type": "int", "low": 1, "high": 50}}}
    ...
    ...     def build(self, params, order):
    ...         kind = KNeighborsClassifier if order.classifies else KNeighborsRegressor
    ...         return kind(**params, n_jobs=order.n_jobs)

    Attributes:
        name: As results name it.
        presets: Search spaces by name.
        parameter_names: Parameters that a space may hold, and that ``build`` understands.
        aliases: Other names of these.
        default: Where a search starts: the library's own values.
        rounds_grow: Whether a fit on more rows bears more rounds.
        takes_codes: Whether the estimator takes category codes and NaN as they are. Otherwise it
            gets categories as columns, medians for missing numbers, and one scale.
        scales_target: Whether a regression target is brought to mean 0 and variance 1 first.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    parameter_names: ClassVar[frozenset[str]]
    aliases: ClassVar[Mapping[str, str]] = {}
    default: ClassVar[Mapping[str, Any]] = {}
    rounds_grow: ClassVar[bool] = False
    takes_codes: ClassVar[bool] = False
    scales_target: ClassVar[bool] = False

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """An unfitted estimator; a classifier must have ``predict_proba``."""
        raise NotImplementedError(f"{type(self).__name__}.build")

    def prepare(self, order: Order) -> Any:
        """An unfitted transformer of the encoded table, or ``None`` for the table as it is."""
        if self.takes_codes:
            return None
        return build_design(order.shape.n_columns, order.shape.n_categorical)

    def train(self, model: Any, rows: FoldRows, order: Order, stop: Stop) -> Trained:
        """Train a model that :meth:`build` made; tree by tree where it can be, else in one go."""
        known = model.get_params()
        if "warm_start" in known and "n_estimators" in known:
            return grow_trees(model, rows, stop)
        return fit_once(model, rows, stop)

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> ScikitFolds:
        """Prepare the folds; each is transformed at its first fit and kept."""
        return ScikitFolds(self, table, folds, n_jobs, seed)

    def make_estimator(
        self,
        params: Mapping[str, Any],
        n_rounds: int,
        metric: Metric,
        *,
        n_jobs: int,
        seed: int,
        shape: Shape,
    ) -> Any:
        """The estimator with its transformer, as one unfitted scikit-learn estimator."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        order = Order(metric, shape, n_jobs, seed, n_rounds)
        model = self.build(params, order)
        design = self.prepare(order)
        if design is not None:
            model = Pipeline([("design", design), ("estimator", model)])
        if self.scales_target and not order.classifies:
            model = TransformedTargetRegressor(model, transformer=StandardScaler())
        return model

    def fit_arguments(self, n_categorical: int) -> dict[str, Any]:
        """None: the estimator knows."""
        return {}


@dataclass
class ScikitFolds:
    """The folds as the family's models take them, transformed once for all trials."""

    family: ScikitFamily
    table: Table
    folds: Sequence[Fold]
    n_jobs: int
    seed: int
    _ready: dict[int, tuple[Any, FoldRows, Any]] = field(default_factory=dict, repr=False)
    _locks: dict[int, Lock] = field(default_factory=dict, repr=False)

    def fit(self, fold: int, params: Mapping[str, Any], *, stop: Stop) -> FoldFit:
        """Train on one fold, at most until ``stop()`` says so."""
        from driftune.tuning.families import FoldFit

        started = time.monotonic()
        order = self._order(fold)
        with quiet(useful_threads(self.n_jobs, order.shape.n_rows)):
            design, rows, sampled = self._rows(fold, order)
            model = self.family.build(params, order)
            trained = self.family.train(model, rows, order, stop)
            model = trained.model
            if "n_jobs" in model.get_params(deep=False):
                model.set_params(n_jobs=1)
            prediction = self._predict(model, rows.X_valid, fold)
        with quiet(1):
            train_prediction, seconds_per_row = self._predict_timed(model, sampled, fold)
        return FoldFit(
            prediction=prediction,
            train_prediction=train_prediction,
            train_rows=self._sample(fold),
            best_iteration=trained.rounds,
            curve=trained.curve,
            seconds=time.monotonic() - started,
            cut=trained.cut,
            model_bytes=pickled_size((design, model)),
            seconds_per_row=seconds_per_row,
        )

    def _order(self, fold: int) -> Order:
        from driftune.tuning.families import Shape

        columns = self.table.X.shape[1]
        shape = Shape(len(self.folds[fold].train), columns, self.table.n_categorical)
        return Order(self.table.metric, shape, self.n_jobs, self.seed)

    def _rows(self, fold: int, order: Order) -> tuple[Any, FoldRows, Any]:
        with self._locks.setdefault(fold, Lock()):
            if fold not in self._ready:
                self._ready[fold] = self._transform(fold, order)
            return self._ready[fold]

    def _transform(self, fold: int, order: Order) -> tuple[Any, FoldRows, Any]:
        rows, X = self.folds[fold], self.table.X
        design = self.family.prepare(order)
        train, valid, sampled = X[rows.train], X[rows.valid], X[self._sample(fold)]
        if design is not None:
            train = design.fit_transform(train)
            valid, sampled = design.transform(valid), design.transform(sampled)
        mean, spread = self._scale(fold)
        y = self.table.y if self.table.n_classes else (self.table.y - mean) / spread
        ready = FoldRows(train, y[rows.train], valid, y[rows.valid], self.table.n_classes)
        return design, ready, sampled

    def _scale(self, fold: int) -> tuple[float, float]:
        """Mean and spread of the target, 0 and 1 where it stays as it is."""
        if not self.family.scales_target or self.table.n_classes:
            return 0.0, 1.0
        y = self.table.y[self.folds[fold].train]
        return float(y.mean()), float(y.std()) or 1.0

    def _predict(self, model: Any, X: Any, fold: int) -> NDArray[Any]:
        if not self.table.n_classes:
            mean, spread = self._scale(fold)
            return np.asarray(model.predict(X), dtype=float).reshape(-1) * spread + mean
        return shape_probabilities(model, X, self.table)

    def _predict_timed(self, model: Any, X: Any, fold: int) -> tuple[NDArray[Any], float]:
        """In numbers of rows, for a sparse table cannot be split like an array."""
        positions = np.arange(X.shape[0])
        return predict_timed(lambda part: self._predict(model, X[part], fold), positions)

    def _sample(self, fold: int) -> NDArray[Any]:
        rows = self.folds[fold].train
        return rows[:: max(1, len(rows) // TRAIN_SAMPLE)][:TRAIN_SAMPLE]


def shape_probabilities(model: Any, X: Any, table: Table) -> NDArray[Any]:
    """Probabilities as :class:`driftune.metrics.Metric` expects them.

    A class that the training rows of a fold lack has the probability 0.
    """
    found = np.asarray(model.predict_proba(X), dtype=float)
    probabilities = np.zeros((found.shape[0], table.n_classes))
    probabilities[:, np.asarray(model.classes_, dtype=int)] = found
    return probabilities[:, 1] if table.metric.task == "binary" else probabilities


def pickled_size(model: Any) -> int:
    """Bytes of a pickle, without keeping it."""
    counter = _Counter()
    pickle.dump(model, counter, protocol=pickle.HIGHEST_PROTOCOL)
    return counter.size


class _Counter:
    """A file that only counts."""

    size = 0

    def write(self, part: Any) -> int:
        """Count the bytes of a part."""
        length = memoryview(part).nbytes
        self.size += length
        return length
