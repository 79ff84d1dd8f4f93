"""Our metrics agree with scikit-learn's, on all rows and on every resample."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from driftune.errors import DataError, UsageError
from driftune.metrics import METRICS, get_metric
from driftune.resampling import BlockDraws

TRUTH = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
    "roc_auc": reference.roc_auc_score,
    "log_loss": reference.log_loss,
    "accuracy": lambda y, p: reference.accuracy_score(y, p >= 0.5),
    "f1_weighted": lambda y, p: reference.f1_score(y, p >= 0.5, average="weighted"),
}


def rows(name, n=300, seed=0):
    rng = np.random.default_rng(seed)
    if METRICS[name].task == "regression":
        y = rng.normal(10, 3, size=n)
        return y, y + rng.normal(size=n)
    y = rng.random(n) < 0.4
    return y, np.round(np.clip(0.4 + 0.2 * y + 0.2 * rng.normal(size=n), 0, 1), 2)  # with ties


@pytest.mark.parametrize("name", METRICS)
def test_the_score_is_scikit_learns(name):
    y, prediction = rows(name)
    metric = get_metric(name)
    assert metric.score(y, prediction) == pytest.approx(TRUTH[name](y, prediction))
    assert metric.flip(metric.loss(y, prediction)) == pytest.approx(metric.score(y, prediction))


@pytest.mark.parametrize("name", METRICS)
def test_a_resampled_loss_is_the_loss_of_the_drawn_rows(name):
    y, prediction = rows(name)
    draws = BlockDraws(len(y), seed=5, n_resamples=6)
    found = METRICS[name].resampled_losses(y, prediction, draws)
    for loss, weight in zip(found, np.concatenate(list(draws.weights())), strict=True):
        drawn = np.repeat(np.arange(len(y)), weight.astype(int))
        expected = METRICS[name].loss(y[drawn], prediction[drawn])
        # r2 holds the variance of y at that of all rows, by definition of its row losses
        assert loss == pytest.approx(expected, rel=0.2 if name == "r2" else 1e-9)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].row_scorer])
def test_row_losses_order_models_as_the_loss_does(name):
    y, good = rows(name)
    bad = good[::-1]
    metric = METRICS[name]
    assert metric.loss(y, good) < metric.loss(y, bad)
    assert metric.row_losses(y, good).mean() < metric.row_losses(y, bad).mean()


@pytest.mark.parametrize("name", ["log_loss", "accuracy", "f1_weighted"])
def test_multiclass_probabilities(name):
    rng = np.random.default_rng(1)
    y = rng.integers(3, size=200)
    prediction = rng.dirichlet([1, 1, 1], size=200)
    labels = prediction.argmax(axis=1)
    expected = {
        "log_loss": reference.log_loss(y, prediction),
        "accuracy": reference.accuracy_score(y, labels),
        "f1_weighted": reference.f1_score(y, labels, average="weighted"),
    }
    assert METRICS[name].score(y, prediction) == pytest.approx(expected[name])


@given(st.permutations(range(20)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(order):
    order = list(order)
    for name, metric in METRICS.items():
        y, prediction = rows(name, n=20, seed=2)
        assert metric.score(y[order], prediction[order]) == pytest.approx(
            metric.score(y, prediction)
        )


@pytest.mark.parametrize(
    ("name", "y", "prediction"),
    [
        ("roc_auc", [1, 1, 1], [0.1, 0.2, 0.3]),
        ("r2", [2.0, 2.0], [1.0, 2.0]),
        ("rmse", [], []),
        ("rmse", [1.0], [1.0, 2.0]),
        ("rmse", [np.nan, 1.0], [1.0, 1.0]),
        ("rmse", [1.0, 1.0], [np.inf, 1.0]),
        ("rmse", ["tall", "short"], [1.0, 1.0]),
        ("log_loss", [0, 1], [0.5, 1.5]),
        ("accuracy", [0, 2], [0.5, 0.5]),
        ("roc_auc", [0, 1], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]),
    ],
)
def test_what_cannot_be_judged_is_a_data_error(name, y, prediction):
    with pytest.raises(DataError):
        METRICS[name].score(y, prediction)


def test_pandas_columns_and_booleans_are_welcome():
    y = pd.Series([True, False, True], dtype="boolean", index=[5, 6, 7])
    assert METRICS["roc_auc"].score(y, pd.Series([0.9, 0.1, 0.8])) == 1


def test_a_misspelt_metric_is_offered_its_neighbour():
    with pytest.raises(UsageError, match="'rmse'"):
        get_metric("rsme")


def test_directions():
    maximised = {name for name, metric in METRICS.items() if metric.direction == "maximize"}
    assert maximised == {"r2", "roc_auc", "accuracy", "f1_weighted"}
