"""scikit-learn's forests: trees in steps of half a second, so that a deadline can cut a forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from driftune.tuning.families.entries import between, whole
from driftune.tuning.families.scikit import Order, ScikitFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

TREES = 100  # scikit-learn's default; more trees never hurt, they only take longer
PARAMETER_NAMES = frozenset(
    {
        "bootstrap",
        "ccp_alpha",
        "criterion",
        "max_depth",
        "max_features",
        "max_leaf_nodes",
        "max_samples",
        "min_impurity_decrease",
        "min_samples_leaf",
        "min_samples_split",
        "n_estimators",
    }
)
# The number of leaves bounds the memory of a forest: 100 trees of 16,384 leaves take 250 MB.
RECOMMENDED: dict[str, Any] = {
    "max_features": between(0.1, 1.0),
    "min_samples_leaf": whole(1, 64, log=True),
    "max_leaf_nodes": whole(16, 16_384, log=True),
}


class _Forest(ScikitFamily):
    """What both kinds of forest have in common; category codes count as numbers."""

    parameter_names: ClassVar[frozenset[str]] = PARAMETER_NAMES
    takes_codes: ClassVar[bool] = True
    regressor: ClassVar[str]
    classifier: ClassVar[str]

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """The forest, with as many trees as the folds had in the final fit."""
        from sklearn import ensemble

        kind = getattr(ensemble, self.classifier if order.classifies else self.regressor)
        settings = {"n_estimators": TREES, **params}
        if order.n_rounds is not None:
            settings["n_estimators"] = order.n_rounds
        return kind(**settings, n_jobs=order.n_jobs, random_state=order.seed)


class RandomForest(_Forest):
    """Random forests of Breiman (Machine Learning 45, 2001), by scikit-learn."""

    name: ClassVar[str] = "random_forest"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": RECOMMENDED | {"max_samples": between(0.3, 1.0)}
    }
    regressor: ClassVar[str] = "RandomForestRegressor"
    classifier: ClassVar[str] = "RandomForestClassifier"


class ExtraTrees(_Forest):
    """Extremely randomized trees of Geurts et al. (Machine Learning 63, 2006), by scikit-learn."""

    name: ClassVar[str] = "extra_trees"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"recommended": RECOMMENDED}
    regressor: ClassVar[str] = "ExtraTreesRegressor"
    classifier: ClassVar[str] = "ExtraTreesClassifier"
