"""The gate lets better challengers in, keeps equal ones out, and can say why."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from driftune.errors import DataError, UsageError
from driftune.promotion import Gate, Guards

QUICK = Gate(n_resamples=300)


def pair(seed, factor=1.0, n=600):
    """Errors of two models on one table: they share most of it, and days are alike."""
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 30, size=n)
    shared = np.repeat(rng.normal(size=n // 20), 20) + rng.normal(size=n)
    own = rng.normal(size=(2, n))
    return y, y + factor * 5 * (shared + own[0]), y + 5 * (shared + own[1])


def labels(seed, signal, n=600):
    """Probabilities of two models for one binary target; the first sees more of the truth."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    noise = rng.normal(size=(2, n))
    return y, *(1 / (1 + np.exp(-(2 * s * y + e - 1))) for s, e in zip(signal, noise, strict=True))


def test_an_equal_challenger_is_promoted_at_most_as_often_as_stated():
    promoted = sum(QUICK.judge(*pair(seed), metric="rmse").promoted for seed in range(200))
    assert promoted <= 10  # 2.5 % of 200 are 5; 11 or more has a chance below 2 %


def test_a_challenger_with_a_tenth_less_error_is_promoted():
    promoted = sum(QUICK.judge(*pair(seed, 0.9), metric="rmse").promoted for seed in range(50))
    assert promoted > 40


@pytest.mark.parametrize("metric", ["roc_auc", "f1_weighted"])
def test_ranking_metrics_have_the_same_properties(metric):
    equal = [QUICK.judge(*labels(seed, (1, 1)), metric=metric).promoted for seed in range(60)]
    better = [QUICK.judge(*labels(seed, (2, 1)), metric=metric).promoted for seed in range(30)]
    assert sum(equal) <= 5
    assert sum(better) > 24


def test_better_by_less_than_the_margin_is_refused():
    y, _, champion = pair(0)
    challenger = y + 0.995 * (champion - y)  # surely better, by half a percent
    assert not QUICK.judge(y, challenger, champion, metric="rmse").promoted
    assert Gate(margin=0.001).judge(y, challenger, champion, metric="rmse").promoted


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_prediction_that_is_not_finite_is_refused(bad):
    y, challenger, champion = pair(1, 0.5)
    challenger[17] = bad
    verdict = QUICK.judge(y, challenger, champion, metric="rmse")
    assert not verdict.promoted
    assert verdict.challenger_score is None


def test_the_first_model_must_beat_the_constant():
    y, good, _ = pair(2)
    assert QUICK.judge(y, good, metric="rmse").promoted
    assert not QUICK.judge(y, np.full(len(y), y.mean()), metric="rmse").promoted
    assert not QUICK.judge(y, y[::-1], metric="mae").promoted
    late, probability, _ = labels(3, (1, 1))
    assert QUICK.judge(late, probability, metric="roc_auc").promoted
    assert not QUICK.judge(late, np.full(len(late), 0.3), metric="log_loss").promoted
    both = np.column_stack([1 - probability, probability])
    assert QUICK.judge(late, both, metric="f1_weighted").promoted


def test_the_first_model_needs_no_margin():
    y, good, _ = pair(2)  # about 70 % less error than the mean
    strict = Gate(margin=0.9, n_resamples=300)
    assert strict.judge(y, good, metric="rmse").promoted
    assert not strict.judge(y, good, np.full(len(y), y.mean()), metric="rmse").promoted


def test_a_broken_champion_does_not_stay_for_ever():
    y, challenger, champion = pair(4)
    champion[0] = np.nan
    assert QUICK.judge(y, challenger, champion, metric="rmse").promoted


def test_rows_without_a_label_are_left_out_and_too_few_decide_nothing():
    y, challenger, champion = pair(5, 0.5)
    y[::2] = np.nan
    assert QUICK.judge(y, challenger, champion, metric="rmse").rows == 300
    verdict = Gate(min_rows=301).judge(y, challenger, champion, metric="rmse")
    assert not verdict.promoted
    assert "min_rows" in verdict.reason


def test_a_metric_that_is_undefined_on_these_rows_is_a_refusal():
    _, challenger, champion = labels(6, (2, 1))
    verdict = QUICK.judge(np.ones(600), challenger, champion, metric="roc_auc")
    assert not verdict.promoted
    assert "600" in verdict.reason


def test_a_perfect_champion_is_kept():
    y, challenger, _ = pair(7)
    assert not QUICK.judge(y, challenger, y, metric="rmse").promoted
    assert not QUICK.judge(y, y, y, metric="rmse").promoted


def test_the_verdict_is_evidence():
    y, challenger, champion = pair(8, 0.5)
    verdict = QUICK.judge(
        y, challenger, champion, metric="rmse", champion_name="version 3", unit="min"
    )
    assert verdict.reason.startswith("Promoted")
    assert QUICK.judge(y, champion, challenger, metric="rmse").reason.startswith("Refused")
    stored = json.loads(json.dumps(dataclasses.asdict(verdict)))
    gain = stored["improvement"]
    assert gain["low"] < gain["value"] < gain["high"]
    ratio = stored["challenger_score"] / stored["champion_score"]
    assert gain["value"] == pytest.approx(1 - ratio)
    for part in ("version 3", "min", "600", f"{verdict.challenger_score:.4g}"):
        assert part in verdict.reason
    assert verdict == QUICK.judge(
        y, challenger, champion, metric="rmse", champion_name="version 3", unit="min"
    )


def test_unequal_lengths_are_an_error_of_the_caller():
    y, challenger, champion = pair(9)
    with pytest.raises(DataError):
        QUICK.judge(y, challenger, champion[1:], metric="rmse")


def test_the_holdout_is_the_newest_rows_and_splits_no_instant():
    times = pd.Series(pd.date_range("2013-01-01", periods=28, freq="D").repeat(10))
    times = times.sample(frac=1, random_state=0)
    for holdout, days in (("7d", 7), (0.24, 7), (0.25, 7)):
        held = Gate(holdout=holdout).holdout_rows(times)
        assert times[~held].max() < times[held].min()
        assert times[held].nunique() == days
    zoned = times.dt.tz_localize("UTC")
    assert (Gate(holdout="7d").holdout_rows(zoned) == Gate(holdout="1w").holdout_rows(times)).all()
    with pytest.raises(DataError):
        Gate(holdout="40d").holdout_rows(times)
    with pytest.raises(DataError):
        Gate(holdout="7d").holdout_rows(np.arange(9))


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": -0.1},
        {"confidence": 95},
        {"n_resamples": 5},
        {"min_rows": 0},
        {"holdout": 0.9},
        {"holdout": "a week"},
        {"holdout": "-7d"},
        {"mode": "manual"},
        {"shadow_batches": 0},
        {"max_slice_loss": -0.1},
        {"min_slice_rows": 1},
        {"max_latency_us_per_row": 0},
        {"max_overshoot": -1},
    ],
)
def test_a_wrong_setting_is_named(wrong):
    with pytest.raises(UsageError, match=f"gate.{next(iter(wrong))}"):
        Gate(**wrong)


def test_the_yaml_section_refuses_unknown_keys():
    adapter = TypeAdapter(Gate)
    assert adapter.validate_python({"holdout": "7d", "margin": 0.02}) == Gate("7d", 0.02)
    with pytest.raises(ValidationError):
        adapter.validate_python({"margn": 0.02})
    with pytest.raises(UsageError):
        adapter.validate_python({"margin": 2})


def test_a_first_model_must_beat_the_constant_that_was_known_and_not_one_of_hindsight():
    """Labels have moved since: it is far better than the old mean, and worse than the new."""
    rng = np.random.default_rng(0)
    y = rng.normal(120, 1, size=500)
    first = y - 5 + rng.normal(0, 1, size=500)
    assert not Gate().judge(y, first, metric="rmse").promoted
    known = Guards(learned=rng.normal(100, 10, size=2000))
    assert Gate().judge(y, first, metric="rmse", guards=known).promoted
