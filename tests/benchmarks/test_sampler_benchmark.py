from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sampler.py"


def _run(out, *arms, jobs):
    options = ["--tables", "boosting", "--seeds", "2", "--trials", "8", "--jobs", str(jobs)]
    command = [sys.executable, str(SCRIPT), *options, "--out", str(out), "--arms", *arms]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return result.stdout, json.loads((out / "sampler-boosting.json").read_text())


@pytest.mark.slow  # three runs of the command, each of which starts processes
def test_the_benchmark_resumes_compares_and_does_not_depend_on_the_processes(tmp_path):
    kept = ["null", "portfolio+good+earned"]
    _, first = _run(tmp_path, *kept, jobs=2)
    arms = [*kept, "sllmbo+bad", "portfolio+tpe", "bad+earned"]
    output, document = _run(tmp_path, *arms, jobs=1)
    assert list(document["arms"]) == arms
    _, alone = _run(tmp_path / "other", *kept, jobs=1)
    for arm in kept:
        assert document["arms"][arm] == first["arms"][arm], "kept, its times too"
        assert alone["arms"][arm]["regret"] == first["arms"][arm]["regret"]
    for result in document["arms"].values():
        low, mean, high = result["curve"]
        assert len(mean) == 8
        assert mean == sorted(mean, reverse=True)
        assert all(a <= b + 1e-5 <= c + 2e-5 for a, b, c in zip(low, mean, high, strict=True))
    start = {arm: result["curve"][1][4] for arm, result in document["arms"].items()}
    assert start["portfolio+tpe"] < start["null"]
    calls = {arm: result["calls"] for arm, result in document["arms"].items()}
    assert calls["null"]["most"] == 0 < calls["portfolio+good+earned"]["most"] <= 25
    assert calls["sllmbo+bad"]["mean"] > 2 * 8, "several calls per trial"
    assert any("bad+earned" in claim["what"] for claim in document["claims"])
    assert "at most 5%" in output
    assert (tmp_path / "sampler-boosting.png").stat().st_size > 0


def _make_document(regret):
    arms = {
        arm: {"checkpoints": [50], "regret": np.asarray(values)[..., None].tolist()}
        for arm, values in regret.items()
    }
    for result in arms.values():
        result |= {"calls": {"mean": 3.0, "most": 7}, "seconds_per_trial": 0.0}
    return {"settings": {"family": "boosting", "tasks": ["a", "b"], "trials": 50}, "arms": arms}


def test_the_bounds_are_judged_by_their_intervals(bench):
    rng = np.random.default_rng(0)
    null = 0.1 + 0.01 * rng.random((2, 10))
    regret = {
        "null": null,
        "bad+earned": 1.2 * null,
        "random+earned": 1.01 * null,
        "text+earned": null * rng.choice([0.5, 1.5], null.shape),
        "good+earned": 0.6 * null,
        "good+fixed": 0.5 * null,
    }
    claims = bench("sampler_report").find_claims(_make_document(regret))
    found = {claim["what"].split()[-1]: claim for claim in claims}
    assert found["bad+earned"]["verdict"] == "fails"
    assert found["bad+earned"]["value"] == pytest.approx(0.2)
    assert found["random+earned"]["verdict"] == "holds"
    assert found["text+earned"]["verdict"].startswith("open")
    assert found["good+earned"]["value"] == pytest.approx(0.8)
    assert found["good+earned"]["verdict"] == "holds"
    assert found["study"]["value"] == 7


def test_comparisons_are_paired_and_leave_out_what_was_not_run(bench):
    statistics = bench("sampler_statistics")
    rng = np.random.default_rng(0)
    theirs = np.array([1.0, 100.0])[:, None] * rng.uniform(0.5, 1.5, (2, 10))
    comparison = statistics.compare(0.9 * theirs, theirs)
    assert comparison.pairs == 20
    assert comparison.p < 1e-4, "although the spread over tasks is a hundred times the difference"
    assert comparison.change.low == pytest.approx(-0.1) == comparison.change.high
    few = np.full((2, 10), np.nan)
    few[0, 0], few[1, 0] = 2 * theirs[0, 0], 2 * theirs[1, 0]
    partial = statistics.compare(few, theirs)
    assert partial.pairs == 2
    assert partial.change.value == pytest.approx(1.0)
    assert statistics.compare(np.full((2, 10), np.nan), theirs) is None
    low, mean, high = statistics.interval(theirs)
    assert low < mean < high


def test_an_arm_names_the_same_sampler_without_its_model(bench):
    arms = bench("sampler_arms")
    assert all(arms.is_arm(arm) for arm in arms.ARMS)
    assert not arms.is_arm("portfolio+clever+earned")
    for arm in arms.ARMS:
        assert arms.is_arm(arms.name_control(arm))
    assert arms.name_control("portfolio+tpe+bad+earned") == "portfolio+tpe+null"
    assert arms.name_control("sllmbo+local") == "null"


def test_the_published_sllmbo_starts_in_the_middle_and_survives_prose(bench):
    import optuna

    tasks, arms = bench("tuning_tasks"), bench("sampler_arms")
    task = tasks.load_tasks("boosting")[0]
    for kind in ("good", "text"):
        sampler, model = arms.build_sampler(f"sllmbo+{kind}", task, (), 3)
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda t: task.regret(tasks.suggest(t, task.space)), n_trials=5)
        assert study.trials[0].params["max_depth"] == 7
        assert 5 < model.calls < 40
