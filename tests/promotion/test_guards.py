"""What a gain in the metric cannot buy: sanity, and forgetting a champion that is right again."""

import dataclasses
import json

import numpy as np
import pytest

from driftune.promotion import Gate, Guards, Traits, Verdict

QUICK = Gate(n_resamples=300)


def models(seed=0, n=3000):
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 20, size=n)
    error = rng.normal(0, 10, size=n)
    return y, y + 0.9 * error, y + error, error


def judge(y, ours, theirs, gate=QUICK, **guards):
    return gate.judge(y, ours, theirs, metric="rmse", guards=Guards(**guards))


def test_a_prediction_far_from_every_label_is_refused():
    y, ours, theirs, _ = models()
    seen = Traits(label_low=y.min(), label_high=y.max())
    assert judge(y, ours, theirs, traits=seen).promoted
    wild = ours.copy()
    wild[5] = 5000.0
    verdict = judge(y, wild, 3 * theirs, traits=seen)
    assert not verdict.promoted
    assert "gate.max_overshoot" in verdict.reason
    assert "5000" in verdict.reason
    loose = Gate(n_resamples=300, max_overshoot=None)
    assert judge(y, wild, 3 * theirs, loose, traits=seen).promoted


@pytest.mark.parametrize("trait", ["latency_us_per_row", "model_size_kb"])
def test_a_model_that_is_too_slow_or_too_large_is_refused(trait):
    y, ours, theirs, _ = models()
    gate = Gate(n_resamples=300, **{f"max_{trait}": 50.0})
    assert judge(y, ours, theirs, gate, traits=Traits(**{trait: 49.0})).promoted
    verdict = judge(y, ours, theirs, gate, traits=Traits(**{trait: 51.0}))
    assert not verdict.promoted
    assert f"gate.max_{trait}" in verdict.reason
    assert "51" in verdict.reason


def test_probabilities_outside_zero_and_one_are_refused():
    rng = np.random.default_rng(1)
    late = rng.random(1000) < 0.5
    bad = np.where(late, 1.1, 0.2)
    assert "[0, 1]" in QUICK.judge(late, bad, np.full(1000, 0.5), metric="log_loss").reason
    good = np.clip(bad, 0, 1)
    assert QUICK.judge(late, good, bad, metric="log_loss").promoted  # a broken champion goes


def test_the_model_that_would_serve_must_be_sane_too():
    y, ours, theirs, _ = models()
    broken = ours.copy()
    broken[0] = np.nan
    assert judge(y, ours, theirs, serving=ours).promoted
    assert not judge(y, ours, theirs, serving=broken).promoted
    worse = y + 1.2 * (ours - y)
    verdict = judge(y, ours, theirs, serving=worse)
    assert not verdict.promoted
    assert "fitted again" in verdict.reason


def test_a_challenger_worse_than_the_champion_before_is_refused_and_says_so():
    y, ours, theirs, error = models()
    previous = y + 0.8 * error
    verdict = judge(y, ours, theirs, previous=previous, previous_name="version 1")
    assert not verdict.promoted
    assert verdict.previous_is_better
    assert verdict.over_previous.high < 0
    assert "version 1" in verdict.reason
    assert judge(y, ours, theirs, previous=theirs).promoted


def test_a_champion_before_that_is_hardly_better_is_no_reason():
    y, ours, theirs, _ = models()
    verdict = judge(y, ours, theirs, previous=y + 0.995 * (ours - y))  # half a per cent
    assert verdict.promoted
    assert not verdict.previous_is_better


def test_a_broken_champion_before_is_left_out():
    y, ours, theirs, error = models()
    previous = y + 0.5 * error
    previous[3] = np.inf
    verdict = judge(y, ours, theirs, previous=previous)
    assert verdict.promoted
    assert verdict.over_previous is None


def test_a_verdict_comes_back_from_json_as_it_was():
    y, ours, theirs, error = models()
    slices = {"a": np.arange(len(y)) < 500, "b": np.arange(len(y)) >= 500}
    verdict = judge(y, ours, theirs, previous=y + 0.8 * error, slices=slices)
    stored = json.loads(json.dumps(dataclasses.asdict(verdict)))
    assert Verdict.from_dict(stored) == verdict


def test_a_verdict_of_an_earlier_release_can_be_read():
    stored = {
        "promoted": True, "reason": "x", "metric": "rmse", "rows": 300, "confidence": 0.95,
        "challenger_score": 1.0, "champion_score": 2.0,
        "improvement": {"low": 0.4, "value": 0.5, "high": 0.6},
    }  # fmt: skip
    assert Verdict.from_dict(stored).improvement.value == 0.5
