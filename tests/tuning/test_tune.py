"""``tune()``: the budget holds, a study goes on, a failing trial is a failed trial."""

import json
import time
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest

from driftune.errors import DriftuneError, UsageError
from driftune.problem import Problem
from driftune.tuning import Budget, TuningResult, refit, tune
from driftune.tuning.families.lightgbm import LightGBMFolds
from driftune.tuning.storage import WORKER

FAST = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.3},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
    "min_data_in_leaf": {"type": "int", "low": 5, "high": 40},
}


def run(problem, data, trials=4, **settings):
    settings = {"pruning": "none", "n_jobs": 1, **settings}
    return tune(problem, data, space=FAST, budget=Budget(max_trials=trials), **settings)


def test_finds_a_configuration_for_each_task(case):
    problem, data = case
    events = []
    result = run(problem, data, on_progress=events.append)
    assert [event.number for event in events] == [1, 2, 3, 4]
    assert events[-1].best == result.best_value
    assert result.stop_reason == "trials"
    assert result.trials["state"].tolist() == ["COMPLETE"] * 4
    best = result.trials.loc[result.trials["value"] == result.best_value].iloc[0]
    assert best["params"] == result.best_params
    assert np.mean(best["fold_scores"]) == pytest.approx(result.best_value)
    assert set(result.best_params) == set(FAST)
    assert 1 <= result.best_rounds == best["best_iteration"]
    agree = max if problem.metric_object.greater_is_better else min
    assert result.best_value == agree(result.trials["value"])


def test_same_seed_same_trials_whatever_the_threads(regression, diabetes):
    first, second = (
        tune(regression, diabetes, space=FAST, budget=Budget(max_trials=8), n_jobs=n, seed=3)
        for n in (1, 2)
    )
    columns = ["value", "params", "source"]
    pd.testing.assert_frame_equal(first.trials[columns], second.trials[columns])


def test_result_survives_json(regression, diabetes):
    result = run(regression, diabetes)
    written = json.dumps(result.to_dict(), allow_nan=False)
    back = TuningResult.from_dict(json.loads(written))
    assert back.to_dict() == result.to_dict()
    pd.testing.assert_frame_equal(back.trials, result.trials)
    assert back.table_by_source() == result.table_by_source()
    assert "warm_start" in result.table_by_source()


def test_the_same_call_goes_on_where_it_stopped(regression, diabetes, tmp_path):
    settings = {"storage": tmp_path / "deep" / "study.db"}
    first = run(regression, diabetes, trials=5, **settings)
    events = []
    second = run(regression, diabetes, trials=12, on_progress=events.append, **settings)
    assert second.study_name == first.study_name
    assert [event.number for event in events] == list(range(6, 13))
    params = second.trials["params"].map(lambda p: tuple(p.items()))
    assert params.is_unique, "a resumed sampler must not repeat its random numbers"
    events.clear()
    third = run(regression, diabetes, trials=12, on_progress=events.append, **settings)
    assert events == []
    assert third.best_value == second.best_value


def test_trials_of_a_killed_process_are_made_up_for(regression, diabetes, tmp_path):
    path = tmp_path / "study.db"
    name = run(regression, diabetes, trials=3, storage=path).study_name
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{path}")
    study.set_user_attr(f"{WORKER}{__import__('socket').gethostname()}:999999999", True)
    study.ask()
    states = run(regression, diabetes, trials=5, storage=path).trials["state"].tolist()
    assert states == ["COMPLETE"] * 3 + ["FAIL"] + ["COMPLETE"] * 2


def test_trials_of_a_process_that_may_live_are_left_alone(regression, diabetes, tmp_path):
    path = tmp_path / "study.db"
    name = run(regression, diabetes, trials=3, storage=path).study_name
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{path}")
    study.set_user_attr(f"{WORKER}another-host:1", True)
    asked = study.ask().number
    run(regression, diabetes, trials=4, storage=path)
    assert study.trials[asked].state.name == "RUNNING"


def test_other_data_is_another_study_and_a_chosen_name_is_refused(regression, diabetes, tmp_path):
    settings = {"storage": tmp_path / "study.db"}
    first = run(regression, diabetes, trials=1, **settings)
    second = run(regression, diabetes[:-1], trials=1, **settings)
    assert first.study_name != second.study_name
    with pytest.raises(UsageError, match="study_name"):
        run(regression, diabetes[:-1], study_name=first.study_name, **settings)


def test_a_failing_trial_is_failed_with_its_reason(regression, diabetes, monkeypatch):
    fit = LightGBMFolds.fit

    def fails_on_wide_trees(self, fold, params, *, stop):
        if params["num_leaves"] > 10:
            raise ValueError("trees too wide")
        return fit(self, fold, params, stop=stop)

    monkeypatch.setattr(LightGBMFolds, "fit", fails_on_wide_trees)
    warm = [{"num_leaves": 5, "learning_rate": 0.2, "min_data_in_leaf": 10}]
    trials = run(regression, diabetes, trials=5, warm_start=warm).trials
    failed = trials[trials["state"] == "FAIL"]
    assert len(trials) == 5
    assert len(failed) >= 1
    assert set(failed["failure"]) == {"ValueError: trees too wide"}
    assert failed["value"].isna().all(), "no sentinel score"


def test_a_study_without_a_score_says_why(regression, diabetes, monkeypatch):
    def fails(self, fold, params, *, stop):
        raise ValueError("no memory")

    monkeypatch.setattr(LightGBMFolds, "fit", fails)
    with pytest.raises(DriftuneError, match="no memory"):
        run(regression, diabetes, trials=100)


def big(n=20_000):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(n, 10)), columns=list("abcdefghij"))
    table["y"] = table["a"] * table["b"] + np.sin(3 * table["c"]) + rng.normal(size=n)
    return Problem(name="big", target="y", metric="rmse"), table


SLOW = {
    "learning_rate": {"type": "float", "low": 0.001, "high": 0.0011},
    "num_leaves": {"type": "int", "low": 200, "high": 255},
}


def test_the_deadline_cuts_the_running_fit_and_the_first_trial_still_scores():
    problem, data = big()
    started = time.monotonic()
    result = tune(problem, data, space=SLOW, budget=Budget(max_seconds=2), n_jobs=1)
    seconds = time.monotonic() - started
    assert result.stop_reason == "time"
    assert 1.5 < seconds < 8  # 2 s, and slack for a busy machine; uncut it takes minutes
    complete = result.trials[result.trials["state"] == "COMPLETE"]
    assert len(complete) == 1
    assert np.isfinite(result.best_value)


@pytest.mark.slow  # 20 seconds are the budget
def test_b9_ten_times_the_rows_overshoot_the_deadline_by_less_than_two_seconds():
    problem, data = big(200_000)
    data = data[["a", "b", "c", "y"]]
    tune(problem, data[:500], space=SLOW, budget=Budget(max_seconds=1, max_trials=1))  # imports
    started = time.monotonic()
    result = tune(problem, data, space=SLOW, budget=Budget(max_seconds=20))
    assert time.monotonic() - started < 22
    assert result.stop_reason == "time"
    assert np.isfinite(result.best_value)
    model = refit(problem, data[:1000], replace(result, best_rounds=5))
    assert np.isfinite(model.predict(data[:9])).all()


def test_a_later_trial_that_is_cut_does_not_count(tmp_path):
    problem, data = big(4000)
    mixed = {"learning_rate": {"type": "float", "low": 0.0001, "high": 0.3}} | {
        "num_leaves": {"type": "int", "low": 2, "high": 255}
    }
    warm = [{"learning_rate": 0.3, "num_leaves": 4}, {"learning_rate": 0.0001, "num_leaves": 255}]
    result = tune(
        problem, data, space=mixed, warm_start=warm, budget=Budget(max_seconds=4), n_jobs=1
    )
    assert result.trials["state"].tolist() == ["COMPLETE", "FAIL"]
    assert result.trials["failure"].tolist()[1] == "interrupted"


def test_ctrl_c_keeps_what_is_finished(regression, diabetes, tmp_path):
    def press_at_third(event):
        if event.number == 3:
            raise KeyboardInterrupt

    path = tmp_path / "study.db"
    result = run(regression, diabetes, on_progress=press_at_third, storage=path)
    assert result.stop_reason == "user"
    assert len(result.trials) == 3
    assert len(run(regression, diabetes, storage=path).trials) == 4


def test_ctrl_c_before_the_first_score_passes_through(regression, diabetes, monkeypatch):
    def press(self, fold, params, *, stop):
        raise KeyboardInterrupt

    monkeypatch.setattr(LightGBMFolds, "fit", press)
    with pytest.raises(KeyboardInterrupt):
        run(regression, diabetes)


def test_patience_ends_a_study_that_has_converged(regression, diabetes):
    budget = Budget(max_trials=60, patience=5)
    result = tune(regression, diabetes, space=FAST, budget=budget, n_jobs=1)
    assert result.stop_reason == "converged"
    assert 6 <= len(result.trials) < 60


def test_the_callers_warm_start_runs_first_moved_into_the_space(regression, diabetes):
    warm = [{"num_leaves": 9999, "learning_rate": 0.15, "min_child_samples": 7}]
    for sampler in (None, optuna.samplers.RandomSampler(seed=0)):
        first = run(regression, diabetes, trials=2, warm_start=warm, sampler=sampler).trials.iloc[0]
        assert first["params"] == {"num_leaves": 16, "learning_rate": 0.15, "min_data_in_leaf": 7}
        assert first["source"] == "warm_start"


def test_unknown_executor_and_family_are_named(regression, diabetes):
    with pytest.raises(UsageError, match=r"tuning\.executor.*Did you mean 'local'"):
        run(regression, diabetes, executor="locl")
    with pytest.raises(UsageError, match=r"tuning\.family.*Did you mean 'lightgbm'"):
        run(regression, diabetes, family="lightgmb")
