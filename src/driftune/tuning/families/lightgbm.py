"""LightGBM: data binned once per fold, early stopping, and a fit that a deadline can cut."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.tuning.families import FoldFit, Table
from driftune.tuning.families.lightgbm_spaces import ALIASES, PARAMETER_NAMES, PRESETS
from driftune.tuning.footprint import loaded_bytes, predict_timed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftune.metrics import Metric
    from driftune.tuning.families import Shape, Stop
    from driftune.tuning.splitters import Fold

ROUNDS = "num_iterations"
CELL, LEAF = 1.35e-8, 2.2e-4  # seconds per round and cell of the table, per round and leaf
MAX_ROUNDS = 2000  # early stopping ends nearly every fit long before
TRAIN_SAMPLE = 2000  # rows on which the training score is measured; all of them would cost a fit
SKLEARN_NAMES = {own: alias for alias, own in ALIASES.items()} | {
    "bagging_freq": "subsample_freq",
    "num_threads": "n_jobs",
    "seed": "random_state",
}
BINNING = ("max_bin", "min_data_in_bin")

# metric -> (objective, the loss that early stopping watches); accuracy and f1 are too coarse to
# stop on, so the log loss stands in.
OBJECTIVES = {
    "mae": ("regression_l1", "l1"),
    "regression": ("regression", "rmse"),
    "roc_auc": ("binary", "auc"),
    "binary": ("binary", "binary_logloss"),
    "multiclass": ("multiclass", "multi_logloss"),
}


def objective_for(metric: Metric) -> tuple[str, str]:
    """LightGBM's objective and validation metric for one of our metrics."""
    if metric.task == "multiclass":
        return OBJECTIVES["multiclass"]
    return OBJECTIVES.get(metric.name, OBJECTIVES[metric.task])


@dataclass(frozen=True)
class LightGBM:
    """Gradient-boosted trees of Ke et al. (NeurIPS 2017), by the ``lightgbm`` package."""

    name: ClassVar[str] = "lightgbm"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    parameter_names: ClassVar[frozenset[str]] = PARAMETER_NAMES
    aliases: ClassVar[Mapping[str, str]] = ALIASES
    rounds_grow: ClassVar[bool] = True

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> LightGBMFolds:
        """Prepare the folds; binning happens at the first fit."""
        return LightGBMFolds(table, list(folds), n_jobs=n_jobs, seed=seed)

    def make_estimator(
        self,
        params: Mapping[str, Any],
        n_rounds: int,
        metric: Metric,
        *,
        n_jobs: int,
        seed: int,
        shape: Shape | None = None,
    ) -> Any:
        """``LGBMRegressor`` or ``LGBMClassifier`` with a fixed number of rounds."""
        import lightgbm

        kind = lightgbm.LGBMRegressor if metric.task == "regression" else lightgbm.LGBMClassifier
        settings = fixed_settings(metric, n_jobs=n_jobs, seed=seed) | booster_params(params)
        settings = {SKLEARN_NAMES.get(key, key): value for key, value in settings.items()}
        return kind(n_estimators=n_rounds, **settings)

    def fit_arguments(self, n_categorical: int) -> dict[str, Any]:
        """Which columns are categorical; LightGBM wants to know at ``fit``, not before."""
        return {"categorical_feature": list(range(n_categorical))} if n_categorical else {}


def fixed_settings(metric: Metric, *, n_jobs: int, seed: int) -> dict[str, Any]:
    """What every fit has in common: same seed, same result, whatever the number of threads."""
    return {
        "objective": objective_for(metric)[0],
        "num_threads": n_jobs,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,  # also spares the timing run that chooses between row and column
        "verbosity": -1,
    }


def booster_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as LightGBM takes it: rounds apart, bagging switched on when asked for."""
    own = {name: value for name, value in params.items() if name != ROUNDS}
    if own.get("bagging_fraction", 1.0) < 1.0:
        own["bagging_freq"] = 1  # without it LightGBM ignores the fraction
    return own


def stopping_patience(learning_rate: float) -> int:
    """Rounds without gain before a fit ends: longer when each round moves less.

    >>> stopping_patience(0.1), stopping_patience(0.01), stopping_patience(0.3)
    (30, 75, 15)
    """
    return int(np.clip(round(3 / learning_rate), 15, 75))


@dataclass
class LightGBMFolds:
    """Binned data sets of all folds, built once per binning and reused by every trial."""

    table: Table
    folds: list[Fold]
    n_jobs: int
    seed: int
    _binned: dict[tuple[Any, ...], tuple[Any, Any]] = field(default_factory=dict, repr=False)

    def fit(self, fold: int, params: Mapping[str, Any], *, stop: Stop) -> FoldFit:
        """Train on one fold until the validation loss stops falling or ``stop()`` says so."""
        import lightgbm

        started = time.monotonic()
        train, valid = self._data(fold, params)
        watch = Watch(stopping_patience(params.get("learning_rate", 0.1)), stop)
        booster = lightgbm.train(
            self._settings(params),
            train,
            num_boost_round=int(params.get(ROUNDS, MAX_ROUNDS)),
            valid_sets=[valid],
            callbacks=[watch],
            keep_training_booster=True,  # spares writing the model to text and reading it back
        )
        rounds = watch.best_iteration
        sample = self._train_sample(fold)
        train_prediction, seconds_per_row = predict_timed(
            lambda X: np.asarray(booster.predict(X, num_iteration=rounds, num_threads=1)),
            self.table.X[sample],
        )
        text = booster.model_to_string(num_iteration=rounds)
        return FoldFit(
            prediction=self._predict(booster, self.folds[fold].valid, rounds),
            train_prediction=train_prediction,
            train_rows=sample,
            best_iteration=rounds,
            curve=watch.curve,
            seconds=time.monotonic() - started,
            cut=watch.cut,
            work=len(watch.curve) * self._round_seconds(fold, params),
            model_bytes=len(text),
            seconds_per_row=seconds_per_row,
            loaded_bytes=loaded_bytes(text),
        )

    def _settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        settings = fixed_settings(self.table.metric, n_jobs=self.n_jobs, seed=self.seed)
        settings["metric"] = objective_for(self.table.metric)[1]
        settings["feature_pre_filter"] = False
        if self.table.metric.task == "multiclass":
            settings["num_class"] = self.table.n_classes
        return settings | booster_params(params)

    def _predict(self, booster: Any, rows: NDArray[Any], rounds: int) -> NDArray[Any]:
        """Predict with this fit's share of the cores.

        LightGBM keeps the number of threads for the whole process: a prediction that does not name
        it would give the fits beside it as many as there are cores.
        """
        X = self.table.X[rows]
        return np.asarray(booster.predict(X, num_iteration=rounds, num_threads=self.n_jobs))

    def _round_seconds(self, fold: int, params: Mapping[str, Any]) -> float:
        """What one round costs: histograms grow with the table, finding splits with the leaves."""
        trees = max(1, self.table.n_classes) if self.table.metric.task == "multiclass" else 1
        cells = len(self.folds[fold].train) * self.table.X.shape[1]
        leaves = params.get("num_leaves", 31)
        return float(trees * (CELL * cells * params.get("feature_fraction", 1.0) + LEAF * leaves))

    def _data(self, fold: int, params: Mapping[str, Any]) -> tuple[Any, Any]:
        binning = {name: params[name] for name in BINNING if name in params}
        key = (fold, *sorted(binning.items()))
        if key not in self._binned:
            self._binned[key] = self._bin(fold, binning)
        return self._binned[key]

    def _bin(self, fold: int, binning: Mapping[str, Any]) -> tuple[Any, Any]:
        import lightgbm

        settings = {
            "feature_pre_filter": False,  # else min_data_in_leaf could not change between trials
            "num_threads": self.n_jobs,
            "verbosity": -1,
            **binning,
        }
        rows = self.folds[fold]
        shared = {"params": settings, "categorical_feature": list(range(self.table.n_categorical))}
        X, y = self.table.X, self.table.y
        train = lightgbm.Dataset(X[rows.train], y[rows.train], **shared).construct()
        valid = lightgbm.Dataset(X[rows.valid], y[rows.valid], reference=train, **shared)
        return train, valid.construct()

    def _train_sample(self, fold: int) -> NDArray[Any]:
        rows = self.folds[fold].train
        return rows[:: max(1, len(rows) // TRAIN_SAMPLE)][:TRAIN_SAMPLE]


class Watch:
    """LightGBM callback: early stopping and a stop from outside, with the validation curve kept.

    A fresh one per fit: it holds state.
    """

    order = 30  # LightGBM runs callbacks by this number; its own early stopping has the same
    before_iteration = False

    def __init__(self, patience: int, stop: Stop) -> None:
        self.patience = patience
        self.stop = stop
        self.curve: list[float] = []
        self.best_iteration = 1
        self.cut = False

    def __call__(self, env: Any) -> None:
        """Note the loss of this round, and end the training when there is a reason to."""
        from lightgbm.callback import EarlyStopException

        _, _, value, higher_is_better = env.evaluation_result_list[0][:4]
        self.curve.append(-value if higher_is_better else value)
        if self.curve[-1] < self.curve[self.best_iteration - 1]:
            self.best_iteration = len(self.curve)
        self.cut = self.stop()
        if self.cut or len(self.curve) - self.best_iteration >= self.patience:
            raise EarlyStopException(self.best_iteration - 1, env.evaluation_result_list)
