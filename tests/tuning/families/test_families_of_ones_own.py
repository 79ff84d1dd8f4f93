"""A family by import path: any estimator, or one small class."""

import json
import subprocess
import sys

import numpy as np
import pytest

from driftune.errors import UsageError
from driftune.tuning import Budget, SearchSpace, predict, refit, tune
from driftune.tuning.families import finding, get_family

SVR = {
    "C": {"type": "float", "low": 1.0, "high": 1000.0, "log": True},
    "kernel": {"type": "categorical", "choices": ["linear", "rbf"]},
    "gamma": {"type": "float", "low": 0.01, "high": 1.0, "log": True, "when": {"kernel": "rbf"}},
}
CLASS = """
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from driftune.tuning.families.scikit import ScikitFamily


class Neighbours(ScikitFamily):
    name = "neighbours"
    parameter_names = frozenset({"n_neighbors", "p"})
    presets = {"recommended": {"n_neighbors": {"type": "int", "low": 1, "high": 30}}}
    default = {"n_neighbors": 5}

    def build(self, params, order):
        kind = KNeighborsClassifier if order.classifies else KNeighborsRegressor
        return kind(**params, n_jobs=order.n_jobs)


class Clash(Neighbours):
    name = "lightgbm"


class Quoted(Neighbours):
    name = "near' or 1=1"
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the working directory, which is not on the path."""
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.setattr(finding, "_declared", {})
    (tmp_path / "corner_shop.py").write_text(CLASS)
    monkeypatch.chdir(tmp_path)
    yield "corner_shop:Neighbours"
    sys.modules.pop("corner_shop", None)


def test_any_estimator_by_its_import_path(shops, make_problem):
    problem = make_problem("rmse")
    result = tune(
        problem, shops, family="sklearn.svm.SVR", space=SVR, budget=Budget(max_trials=3),
        n_folds=2, n_jobs=1,
    )  # fmt: skip
    assert result.family == "sklearn.svm.SVR"
    assert result.trials["source"].iloc[0] == "warm_start"
    assert result.trials["params"].iloc[0]["C"] == 1.0, "the estimator's own default comes first"
    assert result.trials["state"].tolist() == ["COMPLETE"] * 3
    model = refit(problem, shops, result, n_jobs=1)
    rows = shops.assign(city=None, size=np.nan)
    assert np.isfinite(predict(model, rows, "regression")).all()


def test_an_estimator_beside_our_families(shops, make_problem):
    result = tune(
        make_problem("accuracy"), shops,
        family=["linear", "sklearn.ensemble.GradientBoostingClassifier"],
        space={
            "sklearn.ensemble.GradientBoostingClassifier": {
                "max_depth": {"type": "int", "low": 1, "high": 4},
                "n_estimators": {"type": "int", "low": 5, "high": 10},
            }
        },
        budget=Budget(max_trials=4), n_folds=2, n_jobs=1,
    )  # fmt: skip
    assert len({params["family"] for params in result.trials["params"]}) == 2
    assert result.trials["failure"].isna().all()


@pytest.mark.parametrize(
    ("family", "space", "metric", "told"),
    [
        ("sklearn.svm.SVR", None, "rmse", "tuning.space"),
        ("sklearn.svm.SVR", {"gama": SVR["gamma"]}, "rmse", "Did you mean 'gamma'"),
        ("sklearn.svm.SVR", {"C": SVR["C"]}, "roc_auc", "no classifier"),
        ("sklearn.linear_model.RidgeClassifier", {"alpha": SVR["C"]}, "roc_auc", "predict_proba"),
        ("sklearn.svm.SRV", None, "rmse", "Did you mean 'SVR'"),
        ("sklearn.smv.SVR", None, "rmse", "sklearn.smv"),
        ("sklearn.ensemble.VotingRegressor", {"n_jobs": SVR["C"]}, "rmse", "'estimators'"),
        ("collections.OrderedDict", None, "rmse", "neither"),
        ("os.system", None, "rmse", "no class 'system'"),
        ("no/path.py", None, "rmse", "no model family"),
    ],
)
def test_what_is_no_usable_estimator_is_refused(family, space, metric, told, shops, make_problem):
    with pytest.raises(UsageError) as refusal:
        tune(make_problem(metric), shops, family=family, space=space, budget=Budget(max_trials=1))
    assert told in str(refusal.value)


def test_one_small_class(own_module, shops, make_problem):
    problem = make_problem("roc_auc")
    result = tune(
        problem, shops, family=own_module, budget=Budget(max_trials=3), n_folds=2, n_jobs=1
    )
    assert result.family == "neighbours"
    assert result.trials["params"].iloc[0] == {"n_neighbors": 5}
    model = refit(problem, shops, result, n_jobs=1)
    assert set(model.predict(shops)) == {"yes", "no"}
    with pytest.raises(UsageError, match="not ours"):
        get_family("corner_shop:Clash")
    with pytest.raises(UsageError, match="must be a word"):
        get_family("corner_shop:Quoted")
    with pytest.raises(UsageError, match="no class 'Neighbors'"):
        get_family("corner_shop:Neighbors")


def test_a_result_alone_imports_nothing(own_module, shops, make_problem, tmp_path):
    """In another process, what the settings say is needed: a result is data."""
    result = tune(
        make_problem("rmse"), shops, family=own_module, budget=Budget(max_trials=1), n_folds=2
    )
    (tmp_path / "result.json").write_text(json.dumps(result.to_dict()))
    shops.to_csv(tmp_path / "shops.csv", index=False)
    code = """
import json, sys
from driftune.errors import UsageError
from driftune.problem import Problem
from driftune.tuning import TuningResult, read_table, refit
result = TuningResult.from_dict(json.load(open("result.json")))
problem = Problem(name="shops", target="sales", metric="rmse", drop=("late", "kind"))
try:
    refit(problem, read_table("shops.csv"), result)
except UsageError as error:
    assert "tuning.family" in str(error), error
    assert "corner_shop" not in sys.modules
    refit(problem, read_table("shops.csv"), result, family="corner_shop:Neighbours")
    print("refitted")
"""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "refitted\n", ran.stderr


def test_an_estimator_that_allows_gaps_gets_the_codes_as_they_are():
    assert get_family("sklearn.ensemble.HistGradientBoostingRegressor").takes_codes
    assert not get_family("sklearn.svm.SVR").takes_codes


def test_a_space_may_hold_any_parameter_but_threads_and_seed():
    family = get_family("sklearn.svm.SVR")
    assert SearchSpace.load(SVR, family).when.keys() == {"gamma"}
    with pytest.raises(UsageError, match="random_state"):
        SearchSpace.load(
            {"random_state": {"type": "int", "low": 0, "high": 9}},
            get_family("sklearn.ensemble.BaggingRegressor"),
        )
