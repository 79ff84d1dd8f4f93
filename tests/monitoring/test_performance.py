"""The performance monitor measures what users would compute, and knows when it cannot."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from driftune.errors import DataError, UsageError
from driftune.monitoring import PerformanceMonitor
from driftune.resampling import Interval


def regression(seed, sd=10.0, n=500):
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 20, size=n)
    return y, y + rng.normal(0, sd, size=n)


def binary(seed, signal=2.0, n=500):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return y, 1 / (1 + np.exp(-(signal * y - 1 + rng.normal(size=n))))


def test_worse_is_a_positive_drop_whatever_the_direction():
    rmse = PerformanceMonitor("rmse").fit(*regression(0, n=5000))
    auc = PerformanceMonitor("roc_auc").fit(*binary(0))
    doubled = rmse.observe(*regression(1, sd=20, n=5000), batch="1")
    assert doubled.relative_drop == pytest.approx(1, abs=0.1)
    assert rmse.observe(*regression(1, sd=5), batch="1").relative_drop < -0.4
    assert auc.observe(*binary(1, signal=0.5), batch="1").relative_drop > 0.5


@pytest.mark.parametrize(("metric", "stream"), [("rmse", regression), ("roc_auc", binary)])
def test_the_interval_covers_the_score_of_a_sound_model(metric, stream):
    """How often the interval of 500 rows holds the score of 100,000 rows of the same stream."""
    truth = PerformanceMonitor(metric, n_resamples=200).metric.score(*stream(0, n=100_000))
    monitor = PerformanceMonitor(metric, n_resamples=200).fit(*stream(1))
    seen = [monitor.observe(*stream(seed), batch="") for seed in range(2, 62)]
    covered = sum(one.low <= truth <= one.high for one in seen)
    assert covered >= 51  # 57 expected
    assert all(one.low < one.value < one.high for one in seen)


def test_the_value_is_in_natural_units():
    y, prediction = binary(3)
    seen = PerformanceMonitor("roc_auc").fit(y, prediction).observe(y, prediction, batch="same")
    assert seen.value == pytest.approx(roc_auc_score(y, prediction))
    assert seen.relative_drop == 0
    assert (seen.low, seen.high) == (seen.reference_low, seen.reference_high)


def test_a_stored_reference_gives_the_same_observation():
    fitted = PerformanceMonitor("rmse", seed=4).fit(*regression(0))
    stored = json.loads(json.dumps(dataclasses.asdict(fitted.reference)))
    rebuilt = PerformanceMonitor.from_reference("rmse", Interval(**stored), seed=4)
    batch = regression(1, sd=12)
    assert rebuilt.observe(*batch, batch="1") == fitted.observe(*batch, batch="1")


def test_rows_whose_label_is_late_are_left_out_and_counted():
    y, prediction = regression(5)
    late = pd.Series(y, dtype="Float64")
    late[:200] = pd.NA
    monitor = PerformanceMonitor("rmse").fit(y, prediction)
    seen = monitor.observe(late, prediction, batch="late")
    assert (seen.rows, seen.unlabelled, seen.status) == (300, 200, "ok")
    expected = monitor.observe(y[200:], prediction[200:], batch="late")
    assert seen == dataclasses.replace(expected, unlabelled=200)


@pytest.mark.parametrize(
    ("metric", "reference", "batch"),
    [
        ("rmse", regression(0), regression(1, n=199)),
        ("rmse", regression(0), (np.full(500, np.nan), np.zeros(500))),
        ("roc_auc", binary(0), (np.zeros(500), binary(1)[1])),
        ("r2", regression(0), (np.zeros(500), np.zeros(500))),
    ],
)
def test_what_cannot_be_measured_is_a_state_not_an_all_clear(metric, reference, batch):
    seen = PerformanceMonitor(metric).fit(*reference).observe(*batch, batch="x")
    assert seen.status == "insufficient_data"
    assert seen.value is seen.low is seen.high is seen.relative_drop is None
    json.dumps(dataclasses.asdict(seen), allow_nan=False)


def test_malformed_predictions_are_errors():
    monitor = PerformanceMonitor("roc_auc").fit(*binary(0))
    y, prediction = binary(1)
    for bad in (prediction[1:], np.where(prediction > 0.5, np.nan, prediction), prediction * 3):
        with pytest.raises(DataError):
            monitor.observe(y, bad, batch="bad")
    with pytest.raises(DataError):
        PerformanceMonitor("rmse").fit(*regression(0, n=100))


def test_settings_and_order_of_calls_are_checked():
    with pytest.raises(UsageError):
        PerformanceMonitor("rmse").observe(*regression(0), batch="early")
    with pytest.raises(UsageError):
        PerformanceMonitor("rmse", min_rows=1)
    with pytest.raises(UsageError):
        PerformanceMonitor("rmse", confidence=95)


def test_errors_that_come_in_storms_widen_the_interval():
    rng = np.random.default_rng(0)
    error = np.repeat(rng.normal(size=40), 50) * 10
    monitor = PerformanceMonitor("rmse").fit(np.zeros(2000), error)
    storms = monitor.observe(np.zeros(2000), error, batch="in storms")
    mixed = monitor.observe(np.zeros(2000), rng.permutation(error), batch="the same, shuffled")
    assert storms.value == pytest.approx(mixed.value)
    assert storms.high - storms.low > 3 * (mixed.high - mixed.low)
