"""Published configurations per model family: facts carried over as they are, sources named.

Names and values are the library's own. The number of trees is left out everywhere: early stopping
finds it for boosting, and for forests it is a matter of time, not of fit.

Sources: AutoGluon, ``zeroshot_portfolio_2023.py`` (learned on TabRepo: Salinas and Erickson,
AutoML 2024), entries by their suffix; FLAML 1.0.2, ``flaml/default`` (Wang et al., "Mining robust
default configurations for resource-constrained AutoML", 2022), entries by the data set that they
were learned on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Published:
    """What is known about a family before any data is seen.

    Attributes:
        default: Values that the library itself uses.
        classifier: Where the library's classifier has another default than its regressor.
        cheap: Where FLAML begins its search, since it costs next to nothing: few leaves.
        portfolio: Configurations that did well on other data, best first; only what a source sets.
        unlimited: The values by which this library says "no limit".
    """

    default: dict[str, Any]
    classifier: dict[str, Any] = field(default_factory=dict)
    cheap: dict[str, Any] = field(default_factory=dict)
    portfolio: tuple[dict[str, Any], ...] = ()
    unlimited: dict[str, Any] = field(default_factory=dict)


_LIGHTGBM = Published(
    default={  # LightGBM's parameter documentation; max_depth -1 is "no limit"
        "learning_rate": 0.1,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 1.0,
        "bagging_fraction": 1.0,
        "lambda_l1": 0.0,
        "lambda_l2": 0.0,
        "max_depth": -1,
    },
    unlimited={"max_depth": -1},
    cheap={  # FLAML 1.0.2, LGBMEstimator.search_space: low_cost_init_value and init_value
        "learning_rate": 0.1,
        "num_leaves": 4,
        "min_data_in_leaf": 20,
        "feature_fraction": 1.0,
        "lambda_l1": 1 / 1024,
        "lambda_l2": 1.0,
    },
    portfolio=(
        # AutoGluon, GBM: Large, r131, r130
        {"learning_rate": 0.03, "num_leaves": 128, "min_data_in_leaf": 3, "feature_fraction": 0.9},
        {
            "learning_rate": 0.012144796373999013,
            "num_leaves": 53,
            "min_data_in_leaf": 14,
            "feature_fraction": 0.7023601671276614,
        },
        {
            "learning_rate": 0.04711573688184715,
            "num_leaves": 89,
            "min_data_in_leaf": 56,
            "feature_fraction": 0.6245777099925497,
        },
        # FLAML, lgbm/regression.json: "house_8L", "houses"
        {
            "learning_rate": 0.02167229637171611,
            "num_leaves": 42,
            "min_data_in_leaf": 12,
            "feature_fraction": 0.7385038460573171,
            "lambda_l1": 0.003607184551842614,
            "lambda_l2": 12.08340803550741,
        },
        {
            "learning_rate": 0.022635758411078528,
            "num_leaves": 122,
            "min_data_in_leaf": 2,
            "feature_fraction": 0.7019911744574896,
            "lambda_l1": 0.004252223402511765,
            "lambda_l2": 0.11288241427227624,
        },
    ),
)

_XGBOOST = Published(
    default={  # XGBoost's parameter documentation; max_leaves 0 is "no limit"
        "learning_rate": 0.3,
        "max_depth": 6,
        "max_leaves": 0,
        "min_child_weight": 1.0,
        "subsample": 1.0,
        "colsample_bytree": 1.0,
        "colsample_bylevel": 1.0,
        "colsample_bynode": 1.0,
        "gamma": 0.0,
        "reg_alpha": 0.0,
        "reg_lambda": 1.0,
    },
    unlimited={"max_leaves": 0, "max_depth": 0},
    cheap={  # FLAML 1.0.2, XGBoostSklearnEstimator.search_space
        "learning_rate": 0.1,
        "max_leaves": 4,
        "max_depth": 0,
        "min_child_weight": 1.0,
        "subsample": 1.0,
        "colsample_bytree": 1.0,
        "colsample_bylevel": 1.0,
        "reg_alpha": 1 / 1024,
        "reg_lambda": 1.0,
    },
    portfolio=(
        # AutoGluon, XGB: r33, r89, r194
        {
            "learning_rate": 0.018063876087523967,
            "max_depth": 10,
            "min_child_weight": 0.6028633586934382,
            "colsample_bytree": 0.6917311125174739,
        },
        {
            "learning_rate": 0.08775715546881824,
            "max_depth": 5,
            "min_child_weight": 0.6294123374222513,
            "colsample_bytree": 0.6628423832084077,
        },
        {
            "learning_rate": 0.09290221350439203,
            "max_depth": 7,
            "min_child_weight": 0.8041986915994078,
            "colsample_bytree": 0.9090166528779192,
        },
        # FLAML, xgb_limitdepth/regression.json: "connect-4", "bng_pharynx"
        {
            "learning_rate": 0.039042609221240955,
            "max_depth": 11,
            "min_child_weight": 0.07563529776156448,
            "subsample": 0.7832981935783824,
            "colsample_bytree": 1.0,
            "colsample_bylevel": 1.0,
            "reg_alpha": 0.0009765625,
            "reg_lambda": 23.513066752844153,
        },
        {
            "learning_rate": 0.005804247705198151,
            "max_depth": 9,
            "min_child_weight": 3.405822241186395,
            "subsample": 0.37848422782052427,
            "colsample_bytree": 0.8813475713109656,
            "colsample_bylevel": 0.8228350674288559,
            "reg_alpha": 0.009761356063132219,
            "reg_lambda": 13.187783936727843,
        },
    ),
)

# scikit-learn's defaults of HistGradientBoosting; nobody published a portfolio for it under these
# names: FLAML's and AutoGluon's files have none.
_HIST_GRADIENT_BOOSTING = Published(
    default={
        "learning_rate": 0.1,
        "max_leaf_nodes": 31,
        "max_depth": None,
        "min_samples_leaf": 20,
        "l2_regularization": 0.0,
        "max_features": 1.0,
        "max_bins": 255,
    },
    unlimited={"max_depth": None, "max_leaf_nodes": None},
)

_FOREST_DEFAULT = {  # of scikit-learn's RandomForestRegressor and ExtraTreesRegressor
    "max_depth": None,
    "max_features": 1.0,
    "max_leaf_nodes": None,
    "min_samples_leaf": 1,
    "min_samples_split": 2,
    "min_impurity_decrease": 0.0,
    "ccp_alpha": 0.0,
    "max_samples": None,
}
_FOREST_UNLIMITED = {"max_depth": None, "max_leaf_nodes": None, "max_samples": None}

_RANDOM_FOREST = Published(
    default=_FOREST_DEFAULT | {"bootstrap": True},
    classifier={"max_features": "sqrt"},
    unlimited=_FOREST_UNLIMITED,
    portfolio=(
        # AutoGluon, RF: r195, r127, r34
        {"max_features": 0.75, "max_leaf_nodes": 37308, "min_samples_leaf": 1},
        {"max_features": 1.0, "max_leaf_nodes": 38572, "min_samples_leaf": 5},
        {"max_features": 0.75, "max_leaf_nodes": 18242, "min_samples_leaf": 40},
        # FLAML, rf/regression.json: "bank-marketing"; rf/binary.json: "kc1" (max_leaves there)
        {"max_features": 0.6683903035731483, "max_leaf_nodes": 591},
        {"max_features": 0.1, "max_leaf_nodes": 102},
    ),
)

_EXTRA_TREES = Published(
    default=_FOREST_DEFAULT | {"bootstrap": False},
    classifier={"max_features": "sqrt"},
    unlimited=_FOREST_UNLIMITED,
    portfolio=(
        # AutoGluon, XT: r42, r172, r49, r4
        {"max_features": 0.75, "max_leaf_nodes": 18392, "min_samples_leaf": 1},
        {"max_features": 1.0, "max_leaf_nodes": 12845, "min_samples_leaf": 4},
        {"max_features": "sqrt", "max_leaf_nodes": 28532, "min_samples_leaf": 1},
        {"max_features": 1.0, "max_leaf_nodes": 19935, "min_samples_leaf": 20},
        # FLAML, extra_tree/binary.json: "kr-vs-kp" (max_leaves there)
        {"max_features": 0.3629795757973625, "max_leaf_nodes": 81},
    ),
)

# scikit-learn's default of SGDClassifier and SGDRegressor, whose `alpha` weighs the mean loss as
# ours does; Ridge and LogisticRegression weigh the sum, so that their default depends on the rows.
_LINEAR = Published(default={"penalty": "l2", "alpha": 1e-4, "l1_ratio": 0.15})

# scikit-learn's defaults of MLPRegressor and MLPClassifier: hidden_layer_sizes=(100,), and batches
# of 200 rows.
_MLP = Published(
    default={
        "hidden_layers": 1,
        "hidden_units": 100,
        "activation": "relu",
        "alpha": 1e-4,
        "batch_size": 200,
        "learning_rate_init": 1e-3,
    }
)

FAMILIES = {
    "extra_trees": _EXTRA_TREES,
    "hist_gradient_boosting": _HIST_GRADIENT_BOOSTING,
    "lightgbm": _LIGHTGBM,
    "linear": _LINEAR,
    "mlp": _MLP,
    "random_forest": _RANDOM_FOREST,
    "xgboost": _XGBOOST,
}
