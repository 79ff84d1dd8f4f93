"""Library defaults are those of the installed libraries; what is published lies where it should."""

import inspect

import lightgbm
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn import ensemble

from driftune.errors import UsageError
from driftune.sampler import library_default, portfolio
from driftune.sampler.portfolios import FAMILIES
from driftune.sampler.warm_start import move_into

SCIKIT_LEARN = {
    "hist_gradient_boosting": "HistGradientBoosting",
    "random_forest": "RandomForest",
    "extra_trees": "ExtraTrees",
}
SCIKIT_NAMES = {  # LightGBM's names in its scikit-learn interface, which states the defaults
    "learning_rate": "learning_rate", "num_leaves": "num_leaves", "max_depth": "max_depth",
    "min_data_in_leaf": "min_child_samples", "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample", "lambda_l1": "reg_alpha", "lambda_l2": "reg_lambda",
}  # fmt: skip


@pytest.mark.parametrize("family", SCIKIT_LEARN)
@pytest.mark.parametrize("classification", [False, True])
def test_defaults_are_those_of_the_installed_scikit_learn(family, classification):
    kind = "Classifier" if classification else "Regressor"
    signature = inspect.signature(getattr(ensemble, SCIKIT_LEARN[family] + kind))
    ours = library_default(family, classification=classification)
    assert ours == {name: signature.parameters[name].default for name in ours}


def test_defaults_are_those_of_the_installed_lightgbm():
    signature = inspect.signature(lightgbm.LGBMRegressor)
    ours = library_default("lightgbm")
    assert ours == {n: signature.parameters[SCIKIT_NAMES[n]].default for n in ours}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_portfolio_is_complete_distinct_and_never_the_default(family):
    default = library_default(family)
    entries = portfolio(family)
    assert all(entry.keys() == default.keys() for entry in entries)
    assert default not in entries
    assert all(entries.count(entry) == 1 for entry in entries)
    unpublished = {"hist_gradient_boosting", "linear", "mlp"}
    assert bool(entries) == (family not in unpublished)


@pytest.mark.parametrize("family", ["random_forest", "extra_trees"])
def test_forests_of_a_portfolio_can_be_grown(family):
    for entry in portfolio(family, classification=True):
        forest = getattr(ensemble, SCIKIT_LEARN[family] + "Classifier")(n_estimators=2, **entry)
        assert forest.fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]).n_features_in_ == 1


def test_an_unknown_family_is_refused_with_the_close_match():
    with pytest.raises(UsageError, match="xgboost"):
        library_default("xgbost")


def test_no_limit_becomes_the_highest_value_not_the_lowest():
    space = {"max_depth": IntDistribution(3, 12), "max_leaves": IntDistribution(2, 500, log=True)}
    assert move_into(space, library_default("lightgbm"), family="lightgbm") == {"max_depth": 12}
    placed = move_into(space, library_default("xgboost"), family="xgboost")
    assert placed == {"max_depth": 6, "max_leaves": 500}
    depth = {"max_depth": IntDistribution(3, 12)}
    assert move_into(depth, library_default("random_forest"), family="random_forest") == {
        "max_depth": 12
    }


def test_the_root_of_the_columns_becomes_a_share_where_a_share_is_searched():
    params = {"max_features": "sqrt"}
    share = {"max_features": FloatDistribution(0.1, 1.0)}
    move = {"family": "random_forest", "n_columns": 16}
    assert move_into(share, params, **move) == {"max_features": 0.25}
    word = {"max_features": CategoricalDistribution(["sqrt", "log2"])}
    assert move_into(word, params, **move) == params


@pytest.mark.parametrize("value", ["high", None, float("nan"), [1], True])
def test_what_is_no_value_is_left_out_for_the_sampler(value):
    space = {"rate": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(["a", "b"])}
    assert move_into(space, {"rate": value, "kind": value}, family="lightgbm") == {}
    study = optuna.create_study()
    study.enqueue_trial(move_into(space, {"rate": 7, "kind": "b"}, family="none such"))
    assert study.ask(space).params == {"rate": 1.0, "kind": "b"}
