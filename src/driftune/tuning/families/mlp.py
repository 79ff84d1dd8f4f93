"""scikit-learn's multi-layer perceptron: epochs until the validation loss stops falling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.tuning.families.entries import log_scale, whole
from driftune.tuning.families.growth import FoldRows, Trained, run_epochs
from driftune.tuning.families.scikit import Order, ScikitFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from driftune.tuning.families import Stop

MOST_EPOCHS = 200  # scikit-learn's default


class MLP(ScikitFamily):
    """A network of ``hidden_layers`` layers of ``hidden_units`` each, trained by Adam.

    For regression it fits the squared error, for ``mae`` too.
    """

    name: ClassVar[str] = "mlp"
    parameter_names: ClassVar[frozenset[str]] = frozenset(
        {
            "activation",
            "alpha",
            "batch_size",
            "beta_1",
            "beta_2",
            "hidden_layers",
            "hidden_units",
            "learning_rate_init",
            "max_iter",
        }
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {  # epochs are not searched: early stopping finds them in every fit
            "hidden_layers": whole(1, 3),
            "hidden_units": whole(16, 256, log=True),
            "learning_rate_init": log_scale(1e-4, 3e-2),
            "alpha": log_scale(1e-7, 1.0),
            "batch_size": whole(32, 512, log=True),
        }
    }
    scales_target: ClassVar[bool] = True

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """The network, which stops on nothing but the number of epochs."""
        from sklearn import neural_network

        kind: Any = neural_network.MLPRegressor
        if order.classifies:
            kind = neural_network.MLPClassifier
        own = {"max_iter": MOST_EPOCHS, "hidden_layers": 1, "hidden_units": 100, **params}
        layers = (int(own.pop("hidden_units")),) * int(own.pop("hidden_layers"))
        if order.n_rounds is not None:
            own["max_iter"] = order.n_rounds
        if "batch_size" in own:  # scikit-learn warns of a batch that is larger than the table
            own["batch_size"] = min(int(own["batch_size"]), order.shape.n_rows)
        return kind(
            **own,
            hidden_layer_sizes=layers,
            n_iter_no_change=own["max_iter"],
            random_state=order.seed,
        )

    def train(self, model: Any, rows: FoldRows, order: Order, stop: Stop) -> Trained:
        """Epoch by epoch; the weights of the best one are kept."""
        return run_epochs(model, rows, stop, _Loss(rows), order.seed)


class _Loss:
    """Mean squared error or log loss of the validation rows; infinite when the weights are."""

    def __init__(self, rows: FoldRows) -> None:
        self.rows = rows

    def __call__(self, model: Any) -> float:
        rows = self.rows
        if rows.n_classes:
            given: NDArray[Any] = model.predict_proba(rows.X_valid)
            chosen = given[np.arange(len(rows.y_valid)), rows.y_valid]
            loss = -np.log(np.clip(chosen, 1e-15, 1)).mean()
        else:
            loss = np.square(model.predict(rows.X_valid) - rows.y_valid).mean()
        return float(loss) if np.isfinite(loss) else float("inf")
