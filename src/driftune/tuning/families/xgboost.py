"""XGBoost: binned once per fold, early stopping, and a fit that a deadline can cut."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.tuning.families.entries import between, log_scale, whole
from driftune.tuning.families.lightgbm import MAX_ROUNDS, TRAIN_SAMPLE, stopping_patience
from driftune.tuning.families.quiet import useful_threads
from driftune.tuning.footprint import predict_timed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftune.metrics import Metric
    from driftune.tuning.families import FoldFit, Shape, Stop, Table
    from driftune.tuning.splitters import Fold

ROUNDS = "n_estimators"
# metric -> (objective, the loss that early stopping watches), as for LightGBM
OBJECTIVES = {
    "mae": ("reg:absoluteerror", "mae"),
    "regression": ("reg:squarederror", "rmse"),
    "roc_auc": ("binary:logistic", "auc"),
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
}
PARAMETER_NAMES = frozenset(
    {
        "colsample_bylevel",
        "colsample_bynode",
        "colsample_bytree",
        "gamma",
        "grow_policy",
        "learning_rate",
        "max_bin",
        "max_cat_threshold",
        "max_cat_to_onehot",
        "max_delta_step",
        "max_depth",
        "max_leaves",
        "min_child_weight",
        "n_estimators",
        "reg_alpha",
        "reg_lambda",
        "scale_pos_weight",
        "subsample",
    }
)
PRESETS: dict[str, dict[str, Any]] = {
    "recommended": {  # rounds are not searched: early stopping finds them in every fit
        "learning_rate": log_scale(0.01, 0.3),
        "max_depth": whole(2, 12),
        "min_child_weight": log_scale(0.01, 100.0),
        "subsample": between(0.4, 1.0),
        "colsample_bytree": between(0.3, 1.0),
        "reg_alpha": log_scale(1e-6, 10.0),
        "reg_lambda": log_scale(1e-6, 100.0),
    },
    # Mahammadli & Ertekin, arXiv 2410.20302, ranges as in their code: linear scales throughout.
    "sllmbo-paper": {
        "max_depth": whole(3, 12),
        "learning_rate": between(0.01, 0.3),
        "n_estimators": whole(100, 1000),
        "subsample": between(0.7, 1.0),
        "colsample_bytree": between(0.7, 1.0),
        "min_child_weight": between(1.0, 10.0),
        "gamma": between(0.0, 5.0),
    },
}


def objective_for(metric: Metric) -> tuple[str, str]:
    """XGBoost's objective and validation metric for one of our metrics."""
    if metric.task == "multiclass":
        return OBJECTIVES["multiclass"]
    return OBJECTIVES.get(metric.name, OBJECTIVES[metric.task])


@dataclass(frozen=True)
class XGBoost:
    """Gradient-boosted trees of Chen and Guestrin (KDD 2016), by the ``xgboost`` package."""

    name: ClassVar[str] = "xgboost"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    parameter_names: ClassVar[frozenset[str]] = PARAMETER_NAMES
    aliases: ClassVar[Mapping[str, str]] = {
        "alpha": "reg_alpha",
        "eta": "learning_rate",
        "lambda": "reg_lambda",
        "min_split_loss": "gamma",
    }
    rounds_grow: ClassVar[bool] = True

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> XGBoostFolds:
        """Prepare the folds; binning happens at the first fit."""
        rows = max(len(fold.train) for fold in folds)
        return XGBoostFolds(table, folds, useful_threads(n_jobs, rows), seed)

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
        """``XGBRegressor``, or ``XGBClassifier`` for any labels, with a fixed number of rounds."""
        from xgboost import XGBRegressor

        from driftune.tuning.families.xgboost_labels import LabelledXGBClassifier

        kind = XGBRegressor if metric.task == "regression" else LabelledXGBClassifier
        settings = dict(params) | {ROUNDS: n_rounds}
        return kind(
            **settings,
            objective=objective_for(metric)[0],
            tree_method="hist",
            enable_categorical=shape.n_categorical > 0,
            feature_types=feature_types(shape.n_columns, shape.n_categorical),
            n_jobs=useful_threads(n_jobs, shape.n_rows),
            random_state=seed,
            verbosity=0,
        )

    def fit_arguments(self, n_categorical: int) -> dict[str, Any]:
        """None: the estimator knows."""
        return {}


def feature_types(n_columns: int, n_categorical: int) -> list[str]:
    """XGBoost's letters for columns of categories and of numbers."""
    return ["c"] * n_categorical + ["q"] * (n_columns - n_categorical)


@dataclass
class XGBoostFolds:
    """Binned data sets of all folds, built once per binning and reused by every trial."""

    table: Table
    folds: Sequence[Fold]
    n_jobs: int
    seed: int
    _binned: dict[tuple[int, int], tuple[Any, Any]] = field(default_factory=dict, repr=False)
    _locks: dict[tuple[int, int], Lock] = field(default_factory=dict, repr=False)

    def fit(self, fold: int, params: Mapping[str, Any], *, stop: Stop) -> FoldFit:
        """Train on one fold until the validation loss stops falling or ``stop()`` says so."""
        import xgboost

        from driftune.tuning.families import FoldFit

        started = time.monotonic()
        train, valid = self._data(fold, int(params.get("max_bin", 256)))
        watch = make_watch(stopping_patience(params.get("learning_rate", 0.3)), stop)
        booster = xgboost.train(
            self._settings(params),
            train,
            num_boost_round=int(params.get(ROUNDS, MAX_ROUNDS)),
            evals=[(valid, "valid")],
            callbacks=[watch],
            verbose_eval=False,
        )
        best = booster[: watch.best_iteration]
        prediction = self._shape(best.predict(valid))
        sample = self._sample(fold)
        best.set_param({"nthread": 1})
        train_prediction, seconds_per_row = predict_timed(
            lambda X: self._shape(best.inplace_predict(X, missing=np.nan)), self.table.X[sample]
        )
        return FoldFit(
            prediction=prediction,
            train_prediction=train_prediction,
            train_rows=sample,
            best_iteration=watch.best_iteration,
            curve=watch.curve,
            seconds=time.monotonic() - started,
            cut=watch.cut,
            model_bytes=len(best.save_raw("ubj")),
            seconds_per_row=seconds_per_row,
        )

    def _settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        objective, loss = objective_for(self.table.metric)
        own = {name: value for name, value in params.items() if name != ROUNDS}
        settings = {
            "objective": objective,
            "eval_metric": loss,
            "tree_method": "hist",
            "nthread": self.n_jobs,
            "seed": self.seed,
            "verbosity": 0,
        }
        if self.table.metric.task == "multiclass":
            settings["num_class"] = self.table.n_classes
        return settings | own

    def _data(self, fold: int, max_bin: int) -> tuple[Any, Any]:
        key = fold, max_bin
        with self._locks.setdefault(key, Lock()):
            if key not in self._binned:
                self._binned[key] = self._bin(fold, max_bin)
            return self._binned[key]

    def _bin(self, fold: int, max_bin: int) -> tuple[Any, Any]:
        import xgboost

        rows, X, y = self.folds[fold], self.table.X, self.table.y
        shared = {
            "max_bin": max_bin,
            "nthread": self.n_jobs,
            "enable_categorical": self.table.n_categorical > 0,
            "feature_types": feature_types(X.shape[1], self.table.n_categorical),
        }
        train = xgboost.QuantileDMatrix(X[rows.train], y[rows.train], **shared)
        valid = xgboost.QuantileDMatrix(X[rows.valid], y[rows.valid], ref=train, **shared)
        return train, valid

    def _shape(self, prediction: Any) -> NDArray[Any]:
        found: NDArray[Any] = np.asarray(prediction, dtype=float)
        if self.table.metric.task == "multiclass":
            found /= found.sum(axis=1, keepdims=True)  # as float32 they do not sum to 1 exactly
        return found

    def _sample(self, fold: int) -> NDArray[Any]:
        rows = self.folds[fold].train
        return rows[:: max(1, len(rows) // TRAIN_SAMPLE)][:TRAIN_SAMPLE]


def make_watch(patience: int, stop: Stop) -> Any:
    """A fresh callback: early stopping and a stop from outside, with the validation curve kept."""
    from xgboost.callback import TrainingCallback

    class Watch(TrainingCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.curve: list[float] = []
            self.best_iteration = 1
            self.cut = False

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            ((name, values),) = evals_log["valid"].items()
            self.curve.append(-values[-1] if name == "auc" else values[-1])
            if self.curve[-1] < self.curve[self.best_iteration - 1]:
                self.best_iteration = len(self.curve)
            self.cut = stop()
            return self.cut or len(self.curve) - self.best_iteration >= patience

    return Watch()
