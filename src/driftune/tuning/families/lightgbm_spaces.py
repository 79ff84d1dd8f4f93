"""Search spaces for LightGBM, and the names of its parameters."""

from __future__ import annotations

from typing import Any

# LightGBM's own names; those of its scikit-learn interface are read as well.
PARAMETER_NAMES = frozenset(
    {
        "bagging_fraction",
        "cat_l2",
        "cat_smooth",
        "extra_trees",
        "feature_fraction",
        "feature_fraction_bynode",
        "lambda_l1",
        "lambda_l2",
        "learning_rate",
        "max_bin",
        "max_cat_threshold",
        "max_depth",
        "min_data_in_bin",
        "min_data_in_leaf",
        "min_gain_to_split",
        "min_sum_hessian_in_leaf",
        "num_iterations",
        "num_leaves",
        "path_smooth",
    }
)
ALIASES = {
    "colsample_bytree": "feature_fraction",
    "min_child_samples": "min_data_in_leaf",
    "min_child_weight": "min_sum_hessian_in_leaf",
    "min_split_gain": "min_gain_to_split",
    "n_estimators": "num_iterations",
    "reg_alpha": "lambda_l1",
    "reg_lambda": "lambda_l2",
    "subsample": "bagging_fraction",
}


def _log(low: float, high: float) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": high, "log": True}


def _share(low: float) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": 1.0}


def _whole(low: int, high: int, *, log: bool = False) -> dict[str, Any]:
    return {"type": "int", "low": low, "high": high, "log": log}


# Rounds are not searched: early stopping finds them in every fit.
RECOMMENDED: dict[str, dict[str, Any]] = {
    "learning_rate": _log(0.01, 0.3),
    "num_leaves": _whole(4, 256, log=True),
    "min_data_in_leaf": _whole(2, 200, log=True),
    "bagging_fraction": _share(0.4),
    "feature_fraction": _share(0.3),
    "lambda_l1": _log(1e-6, 10.0),
    "lambda_l2": _log(1e-6, 100.0),
}

# Mahammadli & Ertekin, arXiv 2410.20302, ranges as in their code: linear scales throughout.
SLLMBO_PAPER: dict[str, dict[str, Any]] = {
    "num_leaves": _whole(20, 3000),
    "max_depth": _whole(3, 12),
    "learning_rate": {"type": "float", "low": 0.01, "high": 0.3},
    "num_iterations": _whole(100, 1000),
    "min_data_in_leaf": _whole(1, 300),
    "bagging_fraction": _share(0.7),
    "feature_fraction": _share(0.7),
    "lambda_l1": {"type": "float", "low": 0.0, "high": 5.0},
    "lambda_l2": {"type": "float", "low": 0.0, "high": 5.0},
}

PRESETS = {"recommended": RECOMMENDED, "sllmbo-paper": SLLMBO_PAPER}
