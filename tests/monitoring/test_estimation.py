"""Estimates without labels follow a shift of the features and, as documented, nothing else."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OrdinalEncoder

from driftune.errors import DataError, UsageError
from driftune.metrics import METRICS, Metric, get_metric
from driftune.monitoring import PerformanceEstimator, TriggerPolicy

FEATURES = ["carrier", "origin", "dest", "distance", "departure_minute", "arrival_minute"]
TEXT = FEATURES[:3]


@pytest.fixture(scope="module")
def flights(pytestconfig):
    """Real flights, in time order, 300 a week: weeks 0 to 7 to learn from, the rest to judge on."""
    folder = pytestconfig.rootpath / "conf" / "test" / "data"
    files = [folder / "initial.parquet", *sorted((folder / "batches").iterdir())]
    rows = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    rows["week"] = (rows["scheduled_departure"] - pd.Timestamp("2013-01-01")).dt.days // 7
    return rows[rows["week"] < 17]


def served(flights, target):
    """Targets, predictions, features and weeks of the rows that the model never saw."""
    rows = flights[flights[target].notna()]
    old = rows["week"] < 8
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    numbers = rows[FEATURES].assign(
        **dict(zip(TEXT, encoder.fit(rows.loc[old, TEXT]).transform(rows[TEXT]).T, strict=True))
    )
    kind = HistGradientBoostingRegressor if target == "air_time" else HistGradientBoostingClassifier
    model = kind(max_iter=60, random_state=0).fit(numbers[old], rows.loc[old, target])
    new = numbers[~old]
    prediction = model.predict(new) if target == "air_time" else model.predict_proba(new)[:, 1]
    return rows.loc[~old, target].to_numpy(float), prediction, rows[~old].reset_index(drop=True)


@pytest.fixture(scope="module")
def air_time(flights):
    return served(flights, "air_time")


@pytest.fixture(scope="module")
def late(flights):
    return served(flights, "late")


def split(metric, y, prediction, rows):
    """Fit on weeks 8 to 12; return the estimator and the rows of later weeks."""
    reference = (rows["week"] < 13).to_numpy()
    X = rows[FEATURES]
    estimator = PerformanceEstimator(metric).fit(y[reference], prediction[reference], X[reference])
    return estimator, (y[~reference], prediction[~reference], X[~reference].reset_index(drop=True))


@pytest.mark.parametrize(("metric", "bound"), [("rmse", 0.15), ("mae", 0.15), ("r2", 0.35)])
def test_the_estimate_of_a_regression_follows_a_shift_to_long_or_short_flights(
    air_time, metric, bound
):
    """``bound``: relative error of the estimated loss."""
    estimator, (y, prediction, X) = split(metric, *air_time)
    scored = get_metric(metric)
    estimates = {}
    for name, rows in {"short": X["distance"] < 700, "long": X["distance"] > 1300}.items():
        kept = rows.to_numpy()
        seen = estimator.estimate(prediction[kept], X[kept], batch=name)
        realised = scored.loss(y[kept], prediction[kept])
        assert scored.flip(seen.value) == pytest.approx(realised, rel=bound)
        assert seen.low < scored.flip(realised) < seen.high
        estimates[name] = scored.flip(seen.value)
    if metric != "r2":  # whose variance of the target shifts too
        usual = scored.flip(estimator.reference.value)
        assert estimates["short"] < 0.8 * usual < 1.05 * usual < estimates["long"]


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "roc_auc", "f1_weighted"])
def test_the_estimate_of_a_classification_follows_a_shift_to_risky_flights(late, metric):
    estimator, (y, prediction, X) = split(metric, *late)
    scored = get_metric(metric)
    order = np.argsort(prediction, kind="stable")
    estimates = {}
    for name, rows in {"safe": order[: len(y) // 2], "risky": order[len(y) // 2 :]}.items():
        kept = np.sort(rows)
        seen = estimator.estimate(prediction[kept], X.iloc[kept], batch=name)
        realised = scored.score(y[kept], prediction[kept])
        assert seen.value == pytest.approx(realised, abs=0.1)
        assert seen.low < realised < seen.high
        estimates[name] = scored.flip(seen.value)
    if metric in {"log_loss", "accuracy"}:
        assert estimates["safe"] * 1.1 < estimates["risky"]


@pytest.fixture(scope="module")
def digits():
    """Classes 0 to 9 of handwritten digits, and probabilities of them."""
    X, y = load_digits(return_X_y=True)
    X = X / 16 + np.random.default_rng(0).normal(0, 0.25, size=X.shape)  # or every digit is easy
    return y, LogisticRegression(C=0.1).fit(X[:500], y[:500]).predict_proba(X)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "f1_weighted"])
def test_the_estimate_of_many_classes_follows_a_shift_to_hard_rows(digits, metric):
    y, prediction = digits
    estimator = PerformanceEstimator(metric).fit(y[500:1100], prediction[500:1100])
    later = np.arange(1100, len(y))
    doubt = 1 - prediction[later].max(axis=1)
    hard = later[doubt > np.median(doubt)]
    seen = estimator.estimate(prediction[hard], batch="hard")
    realised = get_metric(metric).score(y[hard], prediction[hard])
    assert seen.value == pytest.approx(realised, rel=0.15)
    assert seen.low < realised < seen.high
    assert seen.relative_drop > 0.2


@pytest.mark.parametrize(("metric", "factor"), [("rmse", 2), ("log_loss", 1.5)])
def test_it_is_blind_to_concept_drift(air_time, late, metric, factor):
    """The documented limit: the same features now mean another target, and nothing moves."""
    estimator, (y, prediction, X) = split(metric, *(air_time if metric == "rmse" else late))
    seen = estimator.estimate(prediction, X, batch="")
    drifted = y + 40 if metric == "rmse" else 1 - y
    realised = get_metric(metric).score(drifted, prediction)
    assert realised > factor * seen.value
    assert realised > seen.high  # outside of all that the estimate holds possible
    assert seen.relative_drop < 0.1


def test_overconfident_probabilities_do_not_make_a_good_estimate():
    """A model that is right in 70 % of the rows and says 99 %."""
    rng = np.random.default_rng(0)
    named = rng.random(4000) < 0.5
    y = np.where(rng.random(4000) < 0.7, named, ~named).astype(float)
    prediction = np.where(named, 0.99, 0.01)
    for rows in (500, 4000):  # a sigmoid, then isotonic regression
        estimator = PerformanceEstimator("accuracy").fit(y[:rows], prediction[:rows])
        assert estimator.estimate(prediction, batch="").value == pytest.approx(0.7, abs=0.04)


@pytest.mark.parametrize("metric", ["rmse", "accuracy"])
def test_the_interval_holds_what_the_labels_will_show(metric):
    rng = np.random.default_rng(1)

    def stream(rows):
        x = rng.uniform(0, 1, size=rows)
        if metric == "rmse":
            return x + x * rng.normal(size=rows), x
        return (rng.random(rows) < x).astype(float), x

    estimator = PerformanceEstimator(metric).fit(*stream(2000))
    held = widths = 0
    for _ in range(100):
        y, prediction = stream(400)
        seen = estimator.estimate(prediction, batch="")
        held += seen.low <= get_metric(metric).score(y, prediction) <= seen.high
        widths += seen.high - seen.low
    assert 89 <= held <= 100  # 95 expected
    assert widths / 100 < 0.15


def test_an_estimate_is_an_observation_that_says_so():
    rng = np.random.default_rng(0)
    prediction = rng.normal(size=600)
    y = prediction + rng.normal(size=600)
    estimator = PerformanceEstimator("mae").fit(y, prediction)
    seen = estimator.estimate(prediction[:300], batch="week_9")
    stored = json.loads(json.dumps(dataclasses.asdict(seen)))
    assert (stored["batch"], stored["estimated"], stored["method"]) == (
        "week_9", True, "direct_loss",
    )  # fmt: skip
    assert (stored["rows"], stored["unlabelled"]) == (300, 300)
    assert TriggerPolicy().breaches(seen) is False
    assert (seen.reference_value, seen.reference_low) == (
        estimator.reference.value, estimator.reference.low,
    )  # fmt: skip


def test_too_few_rows_are_a_state_and_not_a_number():
    rng = np.random.default_rng(0)
    prediction = rng.random(500)
    y = (rng.random(500) < prediction).astype(float)
    estimator = PerformanceEstimator("roc_auc").fit(y, prediction)
    seen = estimator.estimate(prediction[:199], batch="")
    assert (seen.status, seen.value, seen.relative_drop) == ("insufficient_data", None, None)
    with pytest.raises(DataError, match="min_rows is 200"):
        PerformanceEstimator("roc_auc").fit(y[:199], prediction[:199])


def test_missing_labels_text_and_missing_values_are_taken_as_they_come():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "kind": rng.choice(["calm", "wild", None], size=3000),
            "size": np.where(rng.random(3000) < 0.1, np.nan, 1.0),
            "at": pd.date_range("2024", periods=3000, freq="h"),
        }
    )
    prediction = rng.normal(size=3000)
    y = prediction + np.where(X["kind"] == "wild", 5.0, 1.0) * rng.normal(size=3000)
    y[::3] = np.nan
    estimator = PerformanceEstimator("rmse").fit(y, prediction, X)
    wild = X.assign(kind="wild")
    assert estimator.estimate(prediction, wild, batch="").value == pytest.approx(5, rel=0.1)
    unseen = estimator.estimate(prediction, X.assign(kind="new"), batch="")
    assert np.isfinite(unseen.value)


def test_a_perfect_reference_is_estimated_as_perfect():
    y = np.arange(400.0)
    estimator = PerformanceEstimator("mae").fit(y, y)
    assert estimator.estimate(y, batch="").value == 0


def test_each_wrong_use_has_its_own_sentence():
    rng = np.random.default_rng(0)
    prediction, X = rng.random(400), pd.DataFrame({"a": rng.random(400)})
    with pytest.raises(UsageError, match="'median' cannot be estimated"):
        PerformanceEstimator(Metric("median", "regression", False, False))
    with pytest.raises(UsageError, match="call fit first"):
        PerformanceEstimator("mae").estimate(prediction, batch="")
    estimator = PerformanceEstimator("mae").fit(prediction + 1, prediction, X)
    with pytest.raises(UsageError, match="reference only"):
        estimator.estimate(prediction, batch="")
    with pytest.raises(DataError, match="no column 'a'"):
        estimator.estimate(prediction, X.rename(columns={"a": "b"}), batch="")
    three = rng.dirichlet([1, 1, 1], size=400)
    classes = PerformanceEstimator("accuracy").fit(three.argmax(axis=1), three)
    with pytest.raises(DataError, match="3 classes"):
        classes.estimate(np.column_stack([prediction, 1 - prediction]), batch="")


def test_every_shipped_metric_can_be_estimated():
    for metric in METRICS:
        assert PerformanceEstimator(metric).metric.name == metric
