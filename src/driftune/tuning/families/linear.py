"""Linear models by scikit-learn: ridge, logistic regression and the elastic net, in one family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from driftune.tuning.families.entries import between, log_scale, one_of
from driftune.tuning.families.growth import FoldRows, Trained, fit_once, grow_iterations
from driftune.tuning.families.scikit import Order, ScikitFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftune.tuning.families import Stop

MOST_ITERATIONS = 500
MIXED = 0.5  # share of L1 where nothing says how much


class Linear(ScikitFamily):
    """Least squares or logistic loss with a penalty, on standardised columns.

    The penalty is ``alpha * (l1_ratio * |w|_1 + (1 - l1_ratio) / 2 * |w|^2)`` beside the mean loss
    per row, as in scikit-learn's ``ElasticNet`` and ``SGDClassifier`` and as ``lambda`` in glmnet,
    so that a value means the same whatever the number of rows. ``Ridge`` and
    ``LogisticRegression`` weigh the sum of the losses: ``alpha * n`` and ``C = 1 / (alpha * n)``.
    For ``mae`` it is least squares too.
    """

    name: ClassVar[str] = "linear"
    parameter_names: ClassVar[frozenset[str]] = frozenset({"alpha", "l1_ratio", "penalty"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            "penalty": one_of("l2", "elastic_net"),
            "alpha": log_scale(1e-6, 10.0),
            "l1_ratio": between(0.05, 1.0) | {"when": {"penalty": "elastic_net"}},
        }
    }
    scales_target: ClassVar[bool] = True

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """Ridge, ElasticNet or LogisticRegression."""
        from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

        mixed = params.get("penalty", "l2") == "elastic_net"
        alpha = float(params.get("alpha", 1e-4))
        l1_ratio = float(params.get("l1_ratio", MIXED)) if mixed else 0.0
        summed = alpha * order.shape.n_rows
        if order.classifies:
            return LogisticRegression(
                C=1 / summed,
                l1_ratio=l1_ratio,
                solver="saga" if mixed else "lbfgs",
                max_iter=MOST_ITERATIONS,
                random_state=order.seed,
            )
        if mixed:
            return ElasticNet(alpha=alpha, l1_ratio=l1_ratio, max_iter=MOST_ITERATIONS)
        return Ridge(alpha=summed, random_state=order.seed)

    def train(self, model: Any, rows: FoldRows, order: Order, stop: Stop) -> Trained:
        """At most 25 iterations at a time; ridge has a closed form."""
        known = model.get_params()
        if "warm_start" in known:
            forgetful = known.get("solver") == "lbfgs"
            return grow_iterations(model, rows, stop, forgetful=forgetful)
        return fit_once(model, rows, stop)
