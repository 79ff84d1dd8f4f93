"""Limits on the model: the best trial keeps them, and so does what is fitted in the end."""

import ctypes
import logging
import platform
from dataclasses import replace

import lightgbm
import numpy as np
import optuna
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from driftune.errors import DriftuneError, UsageError
from driftune.problem import Problem
from driftune.settings import load_settings
from driftune.tuning import Budget, TuningResult, refit, tune
from driftune.tuning.constraints import check_footprint
from driftune.tuning.footprint import loaded_bytes, measure_footprint
from driftune.tuning.fronts import check_best, describe_constraints, find_front, pareto_front
from driftune.tuning.storage import with_constraints

LEAVES = {"type": "int", "low": 2, "high": 60}
LIMIT = 97.0  # kB; half of the space, sampled at random, is above it
SPACE = {"num_leaves": LEAVES, "min_data_in_leaf": {"type": "int", "low": 2, "high": 30}}


def run(problem, data, limits, trials=10, **settings):
    return tune(
        problem, data, space=SPACE, budget=Budget(max_trials=trials), n_folds=2, n_jobs=1,
        constraints=limits, **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def small():
    """A study in which the limit on the size rules out about half of the space."""
    problem = Problem(name="cancer", target="target", metric="log_loss")
    data = load_breast_cancer(as_frame=True).frame
    return problem, data, run(problem, data, {"model_size_kb": LIMIT}, trials=12)


def test_the_best_is_the_best_that_keeps_the_limit(small):
    _, _, result = small
    trials = result.trials[result.trials["value"].notna()]
    kept = trials[trials["model_kb"] <= LIMIT]
    assert 0 < len(kept) < len(trials)
    assert result.best_value == kept["value"].min()
    assert result.constraints == {"model_size_kb": LIMIT}
    (check,) = check_best(result)
    assert check.holds
    assert TuningResult.from_dict(result.to_dict()).constraints == result.constraints


def test_the_final_model_is_about_as_large_as_expected(small):
    problem, data, result = small
    (expected,) = check_best(result)
    measured = measure_footprint(refit(problem, data, result, n_jobs=1), data)
    assert measured.model_kb == pytest.approx(expected.value, rel=0.25)
    assert 0 < measured.memory_mb < 1
    assert 0 < measured.latency_us < 1000


def test_a_final_model_that_breaks_the_limit_is_told(small, caplog):
    problem, data, result = small
    strict = replace(result, constraints={"model_size_kb": 1.0})
    with caplog.at_level(logging.WARNING):
        pipeline = refit(problem, data, strict, n_jobs=1)
    assert "tuning.constraints" in caplog.text
    (check,) = check_footprint(measure_footprint(pipeline, data), strict.constraints)
    assert not check.holds


def test_what_nothing_keeps_is_refused_with_the_nearest(small, diabetes, regression):
    with pytest.raises(DriftuneError) as told:
        run(regression, diabetes, {"model_size_kb": 0.5}, trials=3)
    for word in ("tuning.constraints.model_size_kb", "0.5", "3 measured"):
        assert word in str(told.value)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"model_size": 5}, "model_size_kb"),
        ({"memory_mb": 0}, "memory_mb is 0"),
        ({"memory_mb": float("nan")}, "above zero"),
        ({"memory_mb": True}, "above zero"),
        ({"latency_us_per_row": "fast"}, "'fast'"),
    ],
)
def test_wrong_limits_are_refused(limits, said, diabetes, regression, tmp_path):
    with pytest.raises(UsageError, match=said):
        run(regression, diabetes, limits)
    text = ", ".join(f"{k}: {'.nan' if v != v else v}" for k, v in limits.items())
    file = tmp_path / "p.yml"
    file.write_text(
        f"target: y\nmetric: rmse\nrows: r.csv\ntuning:\n  constraints: {{{text}}}\n".replace(
            "True", "true"
        )
    )
    with pytest.raises(UsageError, match=said):
        load_settings(file)


def test_other_limits_are_another_study():
    digests = [with_constraints("d", limits) for limits in ({}, {"memory_mb": 1}, {"memory_mb": 2})]
    assert digests[0] == "d"
    assert len(set(digests)) == 3


STUMPS = [(2, n, 0.1) for n in range(20, 25)]  # accurate, and large: they take many rounds
TREES = [(30, 2, 1.0), (30, 3, 1.0)]  # small, and far worse


class InOrder(optuna.samplers.RandomSampler):
    """Proposes what it is given."""

    def __init__(self, configurations):
        super().__init__(seed=0)
        self.configurations = configurations

    def sample_independent(self, study, trial, param_name, param_distribution):
        return self.configurations[trial.number][list(ORDERED).index(param_name)]


ORDERED = SPACE | {"learning_rate": {"type": "float", "low": 0.01, "high": 1.0}}


def in_order(problem, data, **settings):
    return tune(
        problem, data, space=ORDERED, sampler=InOrder([*STUMPS, *TREES]), n_folds=3, n_jobs=1,
        **settings,
    )  # fmt: skip


def test_convergence_waits_for_something_feasible(diabetes, regression):
    budget = Budget(max_trials=7, patience=2)
    limits = {"model_size_kb": 30}
    result = in_order(regression, diabetes, pruning="none", budget=budget, constraints=limits)
    assert len(result.trials) == 7
    assert result.best_params["num_leaves"] == 30


def test_an_accurate_trial_that_breaks_a_limit_decides_no_race(regression, diabetes):
    settings = {"pruning": "race", "budget": Budget(max_trials=7)}
    free = in_order(regression, diabetes, **settings)
    assert free.trials["state"].tolist()[5:] == ["PRUNED"] * 2
    limited = in_order(regression, diabetes, constraints={"model_size_kb": 30}, **settings)
    assert limited.trials["state"].tolist()[5:] == ["COMPLETE"] * 2
    assert limited.best_params["num_leaves"] == 30


def test_the_front_has_what_no_other_trial_beats(small):
    _, _, result = small
    front = find_front(result, "model_size_kb")
    costs, values = front.costs[front.best], front.values[front.best]
    assert list(costs) == sorted(costs)
    assert list(values) == sorted(values, reverse=True)  # the log loss falls as the size grows
    for cost, value in zip(front.costs, front.values, strict=True):
        assert any(c <= cost and v <= value for c, v in zip(costs, values, strict=True))
    assert front.values[front.chosen] == result.best_value
    assert "model_size_kb" in describe_constraints(result)


def test_of_equal_points_one_is_on_the_front():
    assert pareto_front(np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 3.0])) == [0]


def test_a_study_without_limits_says_nothing(regression, diabetes):
    result = run(regression, diabetes, None, trials=2)
    assert describe_constraints(result) == ""
    assert find_front(result, "memory_mb").limit is None


def test_the_loaded_size_of_a_model_is_what_lightgbm_allocates():
    """Where the C library can say it: glibc counts what a load allocates."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("no mallinfo2 here")
    X, y = load_diabetes(return_X_y=True)
    text = (
        lightgbm.LGBMRegressor(n_estimators=400, min_child_samples=5, verbosity=-1, n_jobs=1)
        .fit(X, y)
        .booster_.model_to_string()
    )
    libc = ctypes.CDLL(None)

    class Info(ctypes.Structure):
        _fields_ = [(f"f{n}", ctypes.c_size_t) for n in range(10)]

    libc.mallinfo2.restype = Info

    def used():
        info = libc.mallinfo2()
        return info.f7 + info.f4  # in use, and mapped

    lightgbm.Booster(model_str=text)  # what is allocated once and for all
    before = used()
    kept = lightgbm.Booster(model_str=text)
    taken = used() - before
    assert kept.num_trees() == 400
    assert loaded_bytes(text) == pytest.approx(taken, rel=0.2)
