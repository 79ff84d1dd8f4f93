"""Each family tunes, refits and predicts on each task, with gaps and categories in the table."""

import pickle
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.base import clone

from driftune.errors import MissingPackage, UsageError
from driftune.metrics import get_metric
from driftune.tuning import Budget, SearchSpace, predict, refit, tune
from driftune.tuning.families import Shape, Table, finding, get_family
from driftune.tuning.families.quiet import quiet
from driftune.tuning.splitters import kfold

INSTALLED = [name for name in finding.FAMILIES if name != "xgboost"]
try:
    get_family("xgboost")
    INSTALLED.append("xgboost")
except MissingPackage:  # an extra
    pass


@pytest.mark.parametrize("metric", ["rmse", "log_loss", "accuracy"])
@pytest.mark.parametrize("family", INSTALLED)
def test_tunes_refits_and_predicts(family, metric, shops, make_problem):
    problem = make_problem(metric)
    result = tune(problem, shops, family=family, budget=Budget(max_trials=1), n_folds=2, n_jobs=1)
    assert result.family == family
    assert result.trials["source"].tolist() == ["warm_start"], "the library's default comes first"
    row = result.trials.iloc[0]
    assert row["model_kb"] > 0.1
    assert row["latency_us"] > 0
    model = refit(problem, shops, result, n_jobs=1)
    rows = shops.head(60).assign(city="nowhere", size=np.nan)
    for table in (shops, rows):
        prediction = predict(model, table, problem.task)
        assert prediction.shape == ((len(table), 3) if metric == "accuracy" else (len(table),))
        assert np.isfinite(prediction).all()
    truth = shops[problem.target]
    encoded = truth if metric == "rmse" else np.unique(truth, return_inverse=True)[1]
    learned = problem.metric_object.loss(encoded, predict(model, shops, problem.task))
    shuffled = np.roll(predict(model, shops, problem.task), 50, axis=0)
    assert learned < problem.metric_object.loss(encoded, shuffled) / 2
    assert set(model.predict(shops)) <= set(truth) if metric != "rmse" else True
    np.testing.assert_array_equal(
        predict(pickle.loads(pickle.dumps(model)), rows, problem.task),
        predict(model, rows, problem.task),
    )


def small_table(metric="rmse", n=200, n_categorical=1):
    """A table of one categorical and two numeric columns, and its folds."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 3))
    X[:, 0] = rng.integers(0, 5, n)
    X[::9, :] = np.nan
    signal = np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, 0])
    classes = {"regression": 0, "binary": 2, "multiclass": 3}[get_metric(metric).task]
    y = (
        signal
        if not classes
        else np.digitize(signal, np.quantile(signal, [0.4, 0.7][: classes - 1]))
    )
    folds = kfold(y, 2, stratified=bool(classes), seed=0)
    return Table(X, y, n_categorical, classes, get_metric(metric)), folds


PRESETS = [(name, preset) for name in INSTALLED for preset in get_family(name).presets]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
@pytest.mark.parametrize("metric", ["rmse", "roc_auc"])
def test_a_preset_holds_only_what_the_estimator_takes(name, preset, metric):
    family = get_family(name)
    space = SearchSpace.load(preset, family)
    assert set(space.parameters) <= family.parameter_names
    table, _ = small_table(metric)
    shape = Shape(len(table.y), 3, 1)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    for _ in range(3):
        params = space.suggest(study.ask())
        estimator = family.make_estimator(params, 3, table.metric, n_jobs=1, seed=0, shape=shape)
        with quiet(1):
            fitted = clone(estimator).fit(table.X, table.y, **family.fit_arguments(1))
        assert len(fitted.predict(table.X)) == len(table.y)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_the_paper_has_its_own_ranges(name):
    if name not in INSTALLED:
        pytest.skip("xgboost is an extra")
    from driftune.bench.models import SPACES

    family = get_family(name)
    ours = SearchSpace.load("sllmbo-paper", family).distributions()
    assert ours == {family.aliases.get(n, n): d for n, d in SPACES[name].items()}


@pytest.mark.parametrize("family", INSTALLED)
def test_the_recommended_space_holds_every_known_start_inside(family, shops, make_problem):
    from driftune.tuning.prepared import prepare
    from driftune.tuning.starters import starters

    space = SearchSpace.load(None, get_family(family))
    prepared = prepare(make_problem("rmse"), shops)
    found = starters(space, get_family(family), prepared, first=[], earlier=[], max_trials=None)
    assert found
    for params in found:
        assert space.nearest(params) == params
    required = {name for name in space.parameters if name not in space.when}
    assert required <= set(found[0])


@pytest.mark.parametrize("family", INSTALLED)
def test_the_same_seed_gives_the_same_model(family):
    table, folds = small_table("log_loss")
    fits = [
        get_family(family)
        .fold_fitter(table, folds, n_jobs=n_jobs, seed=3)
        .fit(0, {}, stop=lambda: False)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_allclose(fits[0].prediction, fits[1].prediction, rtol=1e-6)
    assert fits[0].best_iteration == fits[1].best_iteration


@pytest.mark.parametrize("family", INSTALLED)
def test_a_class_that_a_fold_lacks_has_a_column_all_the_same(family):
    table, _ = small_table("accuracy")
    folds = kfold(table.y, 2, stratified=True, seed=0)
    folds = [replace(folds[0], train=folds[0].train[table.y[folds[0].train] != 1])]
    fit = (
        get_family(family)
        .fold_fitter(table, folds, n_jobs=1, seed=0)
        .fit(0, {}, stop=lambda: False)
    )
    assert fit.prediction.shape == (len(folds[0].valid), 3)
    np.testing.assert_allclose(fit.prediction.sum(axis=1), 1, rtol=1e-6)


def test_more_categories_than_scikit_learn_has_bins():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 400, 1500).astype(float), rng.normal(size=1500)])
    table = Table(X, X[:, 0] % 2 + X[:, 1], 1, 0, get_metric("rmse"))
    folds = kfold(table.y, 2, stratified=False, seed=0)
    for name in ("hist_gradient_boosting", "linear"):
        fitter = get_family(name).fold_fitter(table, folds, n_jobs=1, seed=0)
        params = {"max_iter": 5} if name == "hist_gradient_boosting" else {}
        assert np.isfinite(fitter.fit(0, params, stop=lambda: False).prediction).all()


def test_alpha_means_the_same_whatever_the_number_of_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = X @ [3.0, 1.0]
    twice = np.vstack([X, X]), np.r_[y, y]
    family = get_family("linear")
    for metric, target in (("rmse", lambda y: y), ("log_loss", lambda y: (y > 0).astype(int))):
        for penalty in ("l2", "elastic_net"):
            params = {"alpha": 0.1, "penalty": penalty, "l1_ratio": 0.5}
            once, double = (
                family.make_estimator(
                    params, 1, get_metric(metric), n_jobs=1, seed=0, shape=Shape(len(a), 2, 0)
                ).fit(a, target(b))
                for a, b in ((X, y), twice)
            )
            predict_ = "predict" if metric == "rmse" else "predict_proba"
            np.testing.assert_allclose(
                getattr(once, predict_)(X), getattr(double, predict_)(X), rtol=0.02, atol=0.005
            )


def test_a_missing_package_says_what_to_install(monkeypatch):
    known = finding.find_spec
    monkeypatch.setattr(
        finding, "find_spec", lambda name: None if name == "xgboost" else known(name)
    )
    with pytest.raises(MissingPackage, match=r"pip install .?driftune\[xgboost\]"):
        get_family("xgboost")
    assert get_family("auto").name == "lightgbm+extra_trees+linear"


def test_mae_is_what_boosting_minimises():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = np.where(rng.random(400) < 0.3, 100.0, 0.0)  # the median is 0, the mean 30
    folds = kfold(y, 2, stratified=False, seed=0)
    for name in {"hist_gradient_boosting", "xgboost"} & set(INSTALLED):
        table = Table(X, y, 0, 0, get_metric("mae"))
        fit = (
            get_family(name)
            .fold_fitter(table, folds, n_jobs=1, seed=0)
            .fit(0, {}, stop=lambda: False)
        )
        assert np.median(fit.prediction) < 10


def test_an_unknown_parameter_is_refused_with_the_close_match():
    with pytest.raises(UsageError, match="Did you mean 'max_leaf_nodes'"):
        SearchSpace.load(
            {"max_leafnodes": {"type": "int", "low": 2, "high": 4}}, get_family("random_forest")
        )
    with pytest.raises(UsageError, match="sllmbo-paper"):
        SearchSpace.load("sllmbo-paper", get_family("mlp"))


def test_infinite_numbers_fail_with_a_reason(shops, make_problem):
    table = shops.assign(size=shops["size"].where(shops.index != 5, np.inf))
    result = tune(
        make_problem("rmse"), table, family=["lightgbm", "linear"],
        budget=Budget(max_trials=2), n_folds=2, n_jobs=1,
    )  # fmt: skip
    failed = result.trials[result.trials["state"] == "FAIL"]
    assert "infinity" in failed["failure"].iloc[0]
    assert pd.notna(result.best_value)
