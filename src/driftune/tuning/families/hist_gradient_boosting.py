"""scikit-learn's HistGradientBoosting: early stopping on the fold's own validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.tuning.families.design import group_levels
from driftune.tuning.families.entries import between, log_scale, whole
from driftune.tuning.families.growth import FoldRows, Trained
from driftune.tuning.families.lightgbm import MAX_ROUNDS, stopping_patience
from driftune.tuning.families.scikit import Order, ScikitFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftune.tuning.families import Stop

MOST_LEVELS = 255  # of a categorical feature, as scikit-learn has it


class HistGradientBoosting(ScikitFamily):
    """Gradient boosting on binned features, by scikit-learn alone; after LightGBM."""

    name: ClassVar[str] = "hist_gradient_boosting"
    parameter_names: ClassVar[frozenset[str]] = frozenset(
        {
            "l2_regularization",
            "learning_rate",
            "max_depth",
            "max_features",
            "max_iter",
            "max_leaf_nodes",
            "min_samples_leaf",
        }
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {  # rounds are not searched: early stopping finds them in every fit
            "learning_rate": log_scale(0.01, 0.3),
            "max_leaf_nodes": whole(4, 256, log=True),
            "min_samples_leaf": whole(2, 200, log=True),
            "l2_regularization": log_scale(1e-6, 100.0),
            "max_features": between(0.3, 1.0),
        }
    }
    rounds_grow: ClassVar[bool] = True

    def prepare(self, order: Order) -> Any:
        """Nothing, but for more categories than a feature has bins."""
        n_categorical = order.shape.n_categorical
        return group_levels(n_categorical, MOST_LEVELS) if n_categorical else None

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """The estimator, with all the rounds it may need or those that the folds found."""
        from sklearn import ensemble

        kind: Any = ensemble.HistGradientBoostingRegressor
        if order.classifies:
            kind = ensemble.HistGradientBoostingClassifier
        settings: dict[str, Any] = {"max_iter": MAX_ROUNDS, "early_stopping": False, **params}
        if order.n_rounds is not None:
            settings["max_iter"] = order.n_rounds
        if order.metric.name == "mae":
            settings["loss"] = "absolute_error"
        categorical = list(range(order.shape.n_categorical)) or None
        return kind(**settings, categorical_features=categorical, random_state=order.seed)

    def train(self, model: Any, rows: FoldRows, order: Order, stop: Stop) -> Trained:
        """Boost until the validation loss stops falling, and forget the rounds after the best."""
        model.set_params(
            early_stopping=True, scoring="loss", tol=0.0,
            n_iter_no_change=stopping_patience(model.learning_rate),
        )  # fmt: skip
        # scikit-learn's callbacks do not reach these estimators yet (1.9). This method is where
        # they end their training themselves, once per round, so that all is left in order.
        watch = _Watch(model._should_stop, stop)
        model._should_stop = watch
        X_valid, y_valid = rows.X_valid, rows.y_valid
        if rows.n_classes:  # a class that the training rows lack cannot be measured
            seen = np.isin(y_valid, rows.y)
            X_valid, y_valid = X_valid[seen], y_valid[seen]
        model.fit(rows.X, rows.y, X_val=X_valid, y_val=y_valid)
        del model._should_stop
        losses = -np.asarray(model.validation_score_[1:])  # the first one is without any tree
        best = int(np.argmin(losses)) + 1
        del model._predictors[best:]  # there is no public way to shorten a model either
        return Trained(model, rounds=best, cut=watch.cut, curve=losses.tolist())


class _Watch:
    """The estimator's own early stopping, or the deadline."""

    def __init__(self, own: Callable[[Any], bool], stop: Stop) -> None:
        self.own, self.stop, self.cut = own, stop, False

    def __call__(self, scores: Any) -> bool:
        self.cut = self.stop()
        return self.cut or self.own(scores)
