"""When a study stops by itself, what it calls the reason, and what a later call has left."""

import logging
import time

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState, create_trial

from driftune.problem import Problem
from driftune.sampler import record
from driftune.scaling.curves.trials import best_of
from driftune.tuning import Budget, refit, tune
from driftune.tuning.objective import EVALUATION
from driftune.tuning.search_curve import paired_error, predict_gain
from driftune.tuning.spent_time import SECONDS, seconds_spent
from driftune.tuning.stopping import Limits

FAST = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.3},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
    "min_data_in_leaf": {"type": "int", "low": 5, "high": 40},
}


def run(problem, data, storage=None, **budget):
    limits = {"max_seconds": 60, "max_trials": 4} | budget
    return tune(
        problem, data, space=FAST, budget=Budget(**limits), n_jobs=1, n_folds=2, storage=storage
    )


def test_the_expected_best_of_a_draw_is_that_of_all_draws():
    losses = np.random.default_rng(0).normal(size=7)
    draws = np.random.default_rng(1)
    for k, expected in enumerate(best_of(losses), start=1):
        seen = [losses[draws.permutation(7)[:k]].min() for _ in range(4000)]
        assert np.mean(seen) == pytest.approx(expected, abs=0.05)


def test_the_gain_of_a_power_law_is_found():
    """Of uniform losses, the best of k is 1/(k+1): the truth is 1/61 - 1/121, within a factor."""
    losses = (np.arange(1, 61) / 61).tolist()
    assert 1 / 3 < predict_gain(losses) / (1 / 61 - 1 / 121) < 3
    few, twice = predict_gain(losses, more=6), predict_gain(losses, more=120)
    assert 1 / 3 < few / (1 / 61 - 1 / 67) < 3
    assert 1 / 3 < twice / (1 / 61 - 1 / 181) < 3
    assert few < predict_gain(losses) < twice
    assert predict_gain(losses[:11]) == float("inf"), "too few to tell"
    assert predict_gain([2.0] * 30) == pytest.approx(0.0, abs=1e-9)


def test_how_bad_the_bad_ones_are_says_nothing():
    good = np.linspace(1.0, 2.0, 20).tolist()
    gains = [predict_gain([*good, *[bad] * 15]) for bad in (3.0, 1e6)]
    assert gains[0] == pytest.approx(gains[1])
    assert predict_gain(good, pruned=15) == pytest.approx(gains[0])


def test_blocks_of_different_difficulty_are_no_noise():
    draw = np.random.default_rng(0)
    difficulty = np.array([9.0, 17.0, 12.0])
    folds = difficulty + 0.01 * draw.normal(size=(12, 3))
    assert paired_error(folds) < 0.05
    assert paired_error(folds + draw.normal(size=(12, 3))) > 0.3


def limits_of(values, folds=None, *, maximize=False, pace=0.0, **budget):
    """The stop reason after trials that took ``pace`` seconds each."""
    clock = Budget(**{"max_seconds": None, "max_trials": None} | budget).clock(lambda: 0.0)
    clock.earlier = pace * len(values)
    trials = [scored(value, folds) for value in values]
    limits = Limits(clock=clock, maximize=maximize, tolerance=0.01)
    limits.resume(trials)
    return clock.stop_reason


def scored(value, noise=None, **attributes):
    spread = np.zeros(3) if noise is None else noise * np.random.default_rng().normal(size=3)
    facts = {"fold_scores": (value + spread).tolist()}
    return create_trial(
        value=value, state=TrialState.COMPLETE, user_attrs={EVALUATION: facts}, **attributes
    )


FLAT = [5.0, 3.0, 2.0, 1.5, 1.2, 1.1, 1.0] + [1.0 + i / 1000 for i in range(20)]


def test_a_search_by_time_alone_stops_when_it_stands_still_within_noise():
    assert limits_of(FLAT, folds=0.5) == "converged"
    assert limits_of(FLAT[:12], folds=0.5) is None, "fewer than ten without gain"
    assert limits_of(FLAT, folds=0.5, patience="never") is None
    assert limits_of(FLAT, folds=0.5, max_trials=100) is None
    assert limits_of(FLAT, folds=0.5, max_trials=50, patience="auto") == "converged"
    assert limits_of(FLAT, folds=0.5, max_trials=200, patience="auto") is None, "a fifth is more"


def test_starts_that_bring_nothing_new_end_no_search():
    clock = Budget(max_seconds=None, max_trials=None).clock()
    started = {"fixed_params": {}}
    trials = [scored(value, 0.5, system_attrs=started) for value in FLAT]
    assert Limits(clock=clock, maximize=False, tolerance=0.01).resume(trials)


RISING = [1.0, *(1.0 + 4 * np.random.default_rng(3).random(size=14)).tolist()]


def test_a_study_ends_when_what_is_left_would_not_pay():
    assert limits_of(RISING, max_trials=100) is None, "nobody asked"
    assert limits_of(RISING, max_trials=100, min_gain=0.01) is None
    assert limits_of(RISING, max_trials=100, min_gain=0.5) == "no_gain_expected"
    assert limits_of(RISING[:11], max_trials=100, min_gain=0.5) is None, "too few to tell"
    few_left = [limits_of(RISING, max_trials=most, min_gain=0.05) for most in (17, 100)]
    assert few_left == ["no_gain_expected", None]
    assert limits_of(RISING, max_trials=15, min_gain=0.05) == "trials"


def test_the_time_left_buys_trials_at_the_pace_of_the_study():
    slow, fast = (
        limits_of(RISING, max_trials=1000, min_gain=0.05, max_seconds=1000, pace=pace)
        for pace in (60, 1)
    )
    assert (slow, fast) == ("no_gain_expected", None)


def test_noise_alone_decides_where_no_gain_is_too_small():
    assert limits_of(RISING, folds=1e-6, max_trials=100, min_gain=0) is None
    assert limits_of(RISING, folds=5.0, max_trials=100, min_gain=0) == "no_gain_expected"
    assert limits_of([0.0] * 15, max_trials=100, min_gain=0) == "no_gain_expected"


def test_the_loss_of_a_score_is_what_it_lacks_of_one():
    scores = [1 - loss / 1000 for loss in RISING]
    assert limits_of(scores, maximize=True, max_trials=100, min_gain=0.05) is None
    assert limits_of(scores, maximize=True, max_trials=100, min_gain=0.5) == "no_gain_expected"


def test_starts_are_tried_whatever_they_promise():
    clock = Budget(max_seconds=None, max_trials=100, min_gain=0.5).clock()
    starts = [scored(value, system_attrs={"fixed_params": {}}) for value in RISING]
    limits = Limits(clock=clock, maximize=False, tolerance=0.01)
    assert limits.resume(starts)
    assert limits.resume([*starts, *[scored(1.5)] * 9]), "nor does a search that has hardly begun"
    assert not limits.resume([*starts, *[scored(1.5)] * 10])
    assert clock.stop_reason == "no_gain_expected"


def test_a_resumed_study_has_the_same_reason(regression, diabetes, tmp_path):
    path = tmp_path / "s.db"
    first, again = (run(regression, diabetes, path, max_trials=60, min_gain=0.3) for _ in range(2))
    assert first.stop_reason == again.stop_reason == "no_gain_expected"
    assert 12 <= len(first.trials) == len(again.trials) < 60


def test_it_does_not_stop_while_more_trials_promise_more_than_noise():
    draw = np.random.default_rng(3)
    rising = [1.0, *(1.0 + 4 * draw.random(size=14)).tolist()]
    assert limits_of(rising, folds=1e-6) is None
    assert limits_of(rising, folds=5.0) == "converged"


def test_what_keeps_rows_away_is_the_reason_when_the_search_has_converged(regression, diabetes):
    few = run(regression, diabetes, max_trials=60, max_rows=120, patience=3)
    assert (few.stop_reason, few.rows) == ("rows", 120)
    money = {"max_row_cost": 60.0, "row_cost": 0.5}
    assert run(regression, diabetes, max_trials=60, patience=3, **money).stop_reason == "row_cost"
    enough = run(regression, diabetes, max_trials=60, max_rows=442, patience=3)
    assert (enough.stop_reason, enough.rows) == ("converged", 442)
    assert run(regression, diabetes, max_trials=2, max_rows=120).stop_reason == "trials"


def test_the_refit_keeps_to_the_rows_of_the_search():
    table = pd.DataFrame({"t": range(200), "a": [0.0] * 100 + [1.0] * 100})
    table["y"] = np.where(table["a"] == 0, 1000.0, np.arange(200) % 5)
    problem = Problem(name="p", target="y", metric="rmse", time="t")
    result = run(problem, table, max_trials=1, max_rows=100)
    assert result.max_rows == 100
    model = refit(problem, table, result)
    assert model.predict(table[["a"]])[0] < 10, "the first hundred rows were not paid for"


def test_money_stops_a_study_that_has_no_other_limit():
    asked = {record.ASKED: [{"id": "0.0", "calls": 2, "worst_usd": 0.2}]}
    trials = [scored(float(i), system_attrs=asked if i == 0 else {}) for i in range(3)]
    for limits, reason in (
        ({"max_llm_calls": 2}, "llm_cost"),
        ({"max_llm_cost_usd": 0.1}, "llm_cost"),
        ({"max_llm_calls": 3}, None),
        ({"max_llm_calls": 2, "max_seconds": 100}, None),
        ({"max_llm_calls": 2, "max_trials": 9}, None),
    ):
        clock = Budget(**{"max_seconds": None, "max_trials": None} | limits).clock()
        Limits(clock=clock, maximize=False, tolerance=0.01).resume(trials)
        assert clock.stop_reason == reason, limits


def test_a_study_whose_time_is_up_is_left_alone_until_it_gets_more(regression, diabetes, tmp_path):
    path = tmp_path / "s.db"
    first = run(regression, diabetes, path, max_trials=2)
    study = optuna.load_study(study_name=first.study_name, storage=f"sqlite:///{path}")
    study.set_user_attr(SECONDS, 60.0)
    again = run(regression, diabetes, path, max_trials=4, max_seconds=60)
    assert len(again.trials) == 2, "nothing new, nothing done"
    assert again.stop_reason == "time"
    more = run(regression, diabetes, path, max_trials=4, max_seconds=120)
    assert (len(more.trials), more.stop_reason) == (4, "trials")


def test_a_killed_call_has_used_the_time_in_which_its_trials_ran(regression, diabetes, tmp_path):
    path = tmp_path / "s.db"
    result = run(regression, diabetes, path, max_trials=3)
    study = optuna.load_study(study_name=result.study_name, storage=f"sqlite:///{path}")
    noted = study.user_attrs[SECONDS]
    assert noted >= result.trials["duration"].sum()
    study.set_user_attr(SECONDS, 0.0)  # as if killed before it could note anything
    ran = seconds_spent(study)
    assert 0 < ran <= noted
    assert ran == pytest.approx(result.trials["duration"].sum(), abs=0.2)


def test_a_study_without_a_score_has_all_its_time_again():
    study = optuna.create_study()
    study.set_user_attr(SECONDS, 100.0)
    study.add_trial(create_trial(state=TrialState.FAIL))
    assert seconds_spent(study) == 0.0


def test_trials_side_by_side_count_once():
    study = optuna.create_study()
    running = [study.ask(), study.ask()]
    time.sleep(0.3)
    for trial in running:
        study.tell(trial, 1.0)
    assert 0.3 <= seconds_spent(study) < 0.6


def test_ctrl_c_says_truly_how_to_go_on(regression, diabetes, tmp_path, caplog):
    def press(event):
        raise KeyboardInterrupt

    caplog.set_level(logging.WARNING)
    kept = tmp_path / "s.db"
    for storage, said in ((kept, "same call goes on"), (None, "was in memory")):
        caplog.clear()
        result = tune(
            regression, diabetes, space=FAST, n_folds=2, n_jobs=1, storage=storage,
            budget=Budget(max_trials=3), on_progress=press,
        )  # fmt: skip
        assert result.stop_reason == "user"
        assert "after 1 trial." in caplog.text
        assert said in caplog.text
