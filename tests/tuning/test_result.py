"""What a study found survives storage, and says what a language model was worth."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from driftune.sampler import SourceCredit
from driftune.tuning import TuningResult
from driftune.tuning.result import TRIAL_COLUMNS

SOURCES = ["warm_start", *["tpe", "llm", "jitter"] * 10]


def make_entries(values, sources, direction):
    sign = 1 if direction == "minimize" else -1
    entries, best = {}, math.inf
    for value, source in zip(values, sources, strict=True):
        entry = entries.setdefault(source, {"trials": 0, "improvements": 0, "gain": 0.0})
        gain = max(0.0, best - sign * value) if best < math.inf else 0.0
        best = min(best, sign * value)
        entry["trials"] += 1
        entry["improvements"] += gain > 0
        entry["gain"] += gain
    total = sum(e["gain"] for source, e in entries.items() if source != "warm_start")
    for source, entry in entries.items():
        if source != "warm_start":
            entry["share"] = entry["gain"] / total if total else 0.0
    charges = {"calls": 4, "tokens": 900, "cost_usd": 0.02}
    return [
        vars(SourceCredit(source=s, completed=e["trials"], **e, **(charges if s == "llm" else {})))
        for s, e in entries.items()
    ]


def make_result(values, sources=SOURCES, direction="minimize", **changes):
    trials = pd.DataFrame(
        [
            dict.fromkeys(TRIAL_COLUMNS)
            | {"number": n, "value": v, "source": s, "params": {"a": n}, "state": "COMPLETE"}
            for n, (v, s) in enumerate(zip(values, sources, strict=True))
        ]
    )
    types = {name: float for name in ("value", "duration", "spread", "train_gap", "fit_seconds")}
    content = {
        "problem": "pump", "family": "lightgbm", "metric": "rmse", "direction": direction,
        "best_params": {"a": 1}, "best_value": float(min(values)), "best_rounds": 40, "rows": 180,
        "fold_rows": 90, "trials": trials.astype(types | {"best_iteration": float}),
        "by_source": make_entries(values, sources, direction), "stop_reason": "trials",
        "llm_cost_usd": 0.02, "llm_calls": 4, "study_name": "s", "storage": None,
        "seconds": 7.0, "seed": 0,
    }  # fmt: skip
    return TuningResult(**(content | changes))


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(10, 1, len(SOURCES))


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_what_is_stored_comes_back(values, direction):
    result = make_result(values, direction=direction)
    stored = json.loads(json.dumps(result.to_dict()))
    back = TuningResult.from_dict(stored)
    assert back.worth == result.worth
    assert back.to_dict() == stored
    assert back.worth.low < back.worth.estimate < back.worth.high


def test_what_was_said_when_it_was_stored_is_kept(values):
    stored = make_result(values).to_dict()
    stored["worth"]["verdict"] = "earned"
    assert TuningResult.from_dict(stored).worth.verdict == "earned"


def test_a_result_from_before_worth_was_estimated_still_loads(values):
    result = make_result(values)
    stored = result.to_dict()
    del stored["worth"]
    for entry in stored["by_source"]:
        for name in (
            "share",
            "seconds",
            "unpriced_calls",
            "unheard_calls",
            "unheard_usd",
            "vetoes",
        ):
            del entry[name]
    back = TuningResult.from_dict(stored)
    assert back.worth == result.worth
    assert back.worth.share > 0
    assert "llm" in back.table_by_source()
    assert "source.llm.share" not in back.summary_metrics()


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_model_that_brought_all_the_improvement_has_earned_its_money(values, direction):
    best = -5 if direction == "minimize" else 25
    values = np.where([s == "llm" for s in SOURCES], best, values)
    result = make_result(values, direction=direction)
    assert result.worth.verdict == "earned"
    assert result.worth.reached == best
    assert result.worth.calls == 4


def test_the_table_has_a_line_per_source_and_its_share(values):
    values[1:] = 20.0
    values[2], values[3] = 5.0, 4.0  # the model, then the null model
    lines = make_result(np.r_[8.0, values[1:]]).table_by_source().splitlines()
    shares = {line.split()[0]: line for line in lines}
    assert set(shares) == {"source", "warm_start", "tpe", "llm", "jitter"}
    assert "75%" in shares["llm"]
    assert "25%" in shares["jitter"]
    assert "0.02" in shares["llm"]


def test_a_study_without_a_model_has_no_columns_of_calls(values):
    sources = ["warm_start", *["tpe"] * 30]
    result = make_result(values, sources, llm_calls=0, llm_cost_usd=0.0)
    assert result.worth.verdict == "no model"
    assert "calls" not in result.table_by_source()
    assert "without_model" not in result.summary_metrics()


def test_metrics_are_finite_numbers_under_names_that_mlflow_takes(values):
    from mlflow.utils.validation import _validate_metric_name

    metrics = make_result(values).summary_metrics()
    for name, value in metrics.items():
        _validate_metric_name(name)
        assert isinstance(value, float)
        assert math.isfinite(value)
    assert metrics["llm.calls"] == 4
    assert metrics["source.llm.trials"] == 10
    assert metrics["without_model.low"] < metrics["without_model"] < metrics["without_model.high"]
    assert "source.warm_start.share" not in metrics


def test_failed_trials_and_a_study_without_a_value_do_no_harm(values):
    values[4:8] = float("nan")
    assert make_result(values, by_source=[]).worth.verdict == "no model"
    nothing = np.full(len(SOURCES), float("nan"))
    assert make_result(nothing, by_source=make_entries([1.0] * 31, SOURCES, "minimize")).worth
