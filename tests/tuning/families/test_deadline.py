"""A fit that grows in steps ends at its deadline, and its best round counts."""

import time

import numpy as np
import pytest

from driftune.metrics import get_metric
from driftune.tuning.families import Table, get_family
from driftune.tuning.splitters import kfold

ENDLESS = {
    "hist_gradient_boosting": {"learning_rate": 1e-4, "max_leaf_nodes": 64},
    "random_forest": {"n_estimators": 5000},
    "extra_trees": {"n_estimators": 5000},
    "mlp": {"hidden_layers": 3, "hidden_units": 200, "learning_rate_init": 1e-5, "max_iter": 9999},
    "linear": {"penalty": "elastic_net", "alpha": 1e-9, "l1_ratio": 0.5},
    "xgboost": {"learning_rate": 1e-4, "max_depth": 8},
}


def rows(task="regression", n=8000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 8))
    X[:, 7] = X[:, 6] + 1e-4 * rng.normal(size=n)  # nearly collinear: a solver takes long
    y = X[:, 0] * X[:, 1] + X[:, 6] - X[:, 7] + rng.normal(size=n)
    name = "rmse" if task == "regression" else "log_loss"
    classes = 0 if task == "regression" else 2
    table = Table(X, y if not classes else (y > 0).astype(int), 0, classes, get_metric(name))
    return table, kfold(table.y, 2, stratified=False, seed=0)


@pytest.mark.parametrize("family", ENDLESS)
def test_the_deadline_cuts_a_fit_that_would_take_minutes(family):
    if family == "xgboost":
        pytest.importorskip("xgboost")
    table, folds = rows("binary", n=40_000) if family == "linear" else rows()
    fitter = get_family(family).fold_fitter(table, folds, n_jobs=1, seed=0)
    fitter.fit(0, ENDLESS[family], stop=lambda: True)  # imports and preparation are not measured
    end = time.monotonic() + 1.0
    fit = fitter.fit(0, ENDLESS[family], stop=lambda: time.monotonic() >= end)
    late = time.monotonic() - end
    assert fit.cut
    assert 0 < late < 4, "2 s, and slack for a busy machine"
    assert fit.best_iteration >= 1
    assert np.isfinite(fit.prediction).all()


@pytest.mark.parametrize("family", ENDLESS)
def test_a_fit_that_is_stopped_at_once_still_predicts(family):
    if family == "xgboost":
        pytest.importorskip("xgboost")
    table, folds = rows("binary" if family == "linear" else "regression", n=400)
    fitter = get_family(family).fold_fitter(table, folds, n_jobs=1, seed=0)
    fit = fitter.fit(0, ENDLESS[family], stop=lambda: True)
    assert fit.cut or family == "linear", "a few rows take a solver less than one step"
    assert len(fit.prediction) == len(folds[0].valid)
    assert np.isfinite(fit.prediction).all()


@pytest.mark.parametrize("family", ["hist_gradient_boosting", "xgboost", "mlp"])
def test_the_best_round_is_kept_and_the_worse_ones_after_it_are_forgotten(family):
    if family == "xgboost":
        pytest.importorskip("xgboost")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = X[:, 0] + 3 * rng.normal(size=400)  # mostly noise: overfitting begins early
    table = Table(X, y, 0, 0, get_metric("rmse"))
    folds = kfold(y, 2, stratified=False, seed=0)
    params = {"learning_rate_init": 0.01} if family == "mlp" else {"learning_rate": 0.3}
    fitter = get_family(family).fold_fitter(table, folds, n_jobs=1, seed=0)
    fit = fitter.fit(0, params, stop=lambda: False)
    assert not fit.cut
    assert fit.best_iteration == int(np.argmin(fit.curve)) + 1 < len(fit.curve)
    y_valid, spread = y[folds[0].valid], y[folds[0].train].std()
    squared = float(np.mean((y_valid - fit.prediction) ** 2))
    best = min(fit.curve)
    watched = {
        "hist_gradient_boosting": squared / 2,  # half the squared error is its loss
        "xgboost": squared**0.5,
        "mlp": squared / spread**2,  # of the scaled target
    }
    assert watched[family] == pytest.approx(best, rel=1e-3)


def test_steps_of_a_forest_change_nothing():
    table, folds = rows(n=600)
    family = get_family("extra_trees")
    params = {"n_estimators": 40}
    fitter = family.fold_fitter(table, folds, n_jobs=1, seed=0)
    grown = fitter.fit(0, params, stop=lambda: False).prediction
    from driftune.tuning.families import Shape

    whole = family.make_estimator(
        params, 40, table.metric, n_jobs=1, seed=0, shape=Shape(300, 8, 0)
    ).fit(table.X[folds[0].train], table.y[folds[0].train])
    np.testing.assert_allclose(grown, whole.predict(table.X[folds[0].valid]))
