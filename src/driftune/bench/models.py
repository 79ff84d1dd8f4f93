"""The paper's two models: estimators, search spaces, and where driftune starts in them.

Source of spaces and fixed settings: ``src/optimizers/util.py`` and ``src/configs/config_dicts.py``
in KananMahammadli/SLLMBO (MIT). All scales are linear there. ``subsample`` moves nothing in
LightGBM, whose scikit-learn interface bags only with ``subsample_freq``; it is kept as published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import FloatDistribution, IntDistribution

from driftune.bench.recipes import SPLIT_SEED, Task
from driftune.errors import MissingPackage
from driftune.sampler import library_default, portfolio
from driftune.sampler.warm_start import move_into
from driftune.tuning.families.lightgbm_spaces import ALIASES

if TYPE_CHECKING:
    from driftune.bench.preparation import Prepared

Space = dict[str, FloatDistribution | IntDistribution]

_BOTH: Space = {
    "max_depth": IntDistribution(3, 12),
    "learning_rate": FloatDistribution(0.01, 0.3),
    "n_estimators": IntDistribution(100, 1000),
    "subsample": FloatDistribution(0.7, 1.0),
    "colsample_bytree": FloatDistribution(0.7, 1.0),
}
SPACES: dict[str, Space] = {
    "lightgbm": {
        "num_leaves": IntDistribution(20, 3000),
        **_BOTH,
        "min_child_samples": IntDistribution(1, 300),
        "reg_alpha": FloatDistribution(0.0, 5.0),
        "reg_lambda": FloatDistribution(0.0, 5.0),
    },
    "xgboost": {
        **_BOTH,
        "min_child_weight": FloatDistribution(1.0, 10.0),
        "gamma": FloatDistribution(0.0, 5.0),
    },
}
_TREES = 100  # both libraries' default of n_estimators


def check_installed(model: str) -> None:
    """Refuse a model whose package is missing.

    Raises:
        MissingPackage: Says what to install.
    """
    import importlib.util

    if importlib.util.find_spec(model) is None:
        extra = {"lightgbm": "pipeline"}.get(model, model)
        raise MissingPackage(f'{model} is not installed: pip install "driftune[{extra}]".')


def build_estimator(model: str, prepared: Prepared, params: dict[str, Any], threads: int) -> Any:
    """Return an unfitted estimator with scikit-learn's interface."""
    settings = {**params, "n_jobs": threads, "random_state": SPLIT_SEED}
    if model == "lightgbm":
        import lightgbm

        kinds = {"regression": lightgbm.LGBMRegressor, "classification": lightgbm.LGBMClassifier}
        return kinds[prepared.task](verbose=-1, **settings)
    import xgboost

    kinds = {"regression": xgboost.XGBRegressor, "classification": xgboost.XGBClassifier}
    categories = {"enable_categorical": True} if prepared.has_categories else {}
    return kinds[prepared.task](verbosity=0, **categories, **settings)


def starts(model: str, task: Task) -> list[dict[str, Any]]:
    """Return what ``driftune tune`` runs first, moved into the paper's space: default, portfolio.

    >>> starts("xgboost", "regression")[0]["n_estimators"]
    100
    """
    names = ALIASES if model == "lightgbm" else {}
    classifies = task == "classification"
    default = library_default(model, classification=classifies) | {"n_estimators": _TREES}
    known = [default, *portfolio(model, classification=classifies)]
    return [_move(model, {ours: c[theirs] for ours, theirs in _pairs(names, c)}) for c in known]


def _pairs(names: dict[str, str], configuration: dict[str, Any]) -> list[tuple[str, str]]:
    """Pair scikit-learn's names with the library's own."""
    back = {theirs: ours for ours, theirs in names.items()}
    return [(back.get(name, name), name) for name in configuration]


def _move(model: str, params: dict[str, Any]) -> dict[str, Any]:
    return move_into(SPACES[model], params, family=model)
