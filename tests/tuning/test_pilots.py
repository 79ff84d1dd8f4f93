"""Pilots on real fits: what they measure, and that they keep to their time."""

import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, make_friedman1

from driftune.errors import DriftuneError
from driftune.problem import Problem
from driftune.tuning.families import get_family
from driftune.tuning.pilot_errors import relative_error
from driftune.tuning.pilot_folds import VALIDATION, choose_sizes, cut_pilots
from driftune.tuning.pilot_run import leaves_of
from driftune.tuning.pilots import choose_configs, run_pilots
from driftune.tuning.space import SearchSpace
from driftune.tuning.task import load_task

LONG = 600.0  # seconds: never reached


def make_task(rows=6_000, *, time_column=False, folds=3):
    X, y = make_friedman1(n_samples=rows, n_features=6, noise=1.0, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(y=y)
    if time_column:
        frame["at"] = pd.date_range("2026-01-01", periods=rows, freq="h")
    problem = Problem(
        name="friedman", target="y", metric="rmse", time="at" if time_column else None
    )
    return task_of(problem, frame, folds)


def task_of(problem, frame, folds=3, family="lightgbm"):
    family = get_family(family)
    return load_task(problem, frame, family, SearchSpace.load(None, family), folds, 0)


@pytest.fixture(scope="module")
def found():
    """Pilots on 6,000 rows, with all the time they want."""
    told = []
    pilots = run_pilots(
        make_task(), seconds=LONG, n_jobs=2, on_stage=lambda *stage: told.append(stage)
    )
    return pilots, told


@pytest.mark.slow  # about fifty real fits
def test_the_loss_falls_with_the_rows_and_the_best_go_on(found):
    pilots, _ = found
    sizes = sorted({point.rows for point in pilots.points})
    best = [min(p.loss for p in pilots.points if p.rows == rows) for rows in sizes]
    counts = [sum(p.rows == rows for p in pilots.points) for rows in sizes]
    assert sizes[-1] == pilots.rows == 4000
    assert sizes[-1] / sizes[0] >= 8
    assert best == sorted(best, reverse=True)
    assert max(counts) == len(pilots.configs)  # a dozen at least: they say what trials bring
    for fewer, more in pairwise(sizes):
        best = min((p for p in pilots.points if p.rows == fewer), key=lambda p: p.loss)
        climbing = {p.config_id for p in pilots.points if p.rows == more}
        assert best.config_id in climbing
        assert "pilot 0" in climbing  # the library default: small models win on few rows alone


@pytest.mark.slow  # the same fits
def test_every_pilot_says_what_a_plan_reads(found):
    pilots, told = found
    for point in pilots.points:
        assert point.loss > 0
        assert point.seconds > 0
        assert point.rounds >= 1
        assert point.leaves == leaves_of(pilots.configs[point.config_id])
        assert 0 < point.se < 0.1 * point.loss
    assert pilots.table_rows == 6000
    assert pilots.noise > 0
    climbed = [stage for stage, _, _ in told if not stage.startswith("more")]
    sizes = [int(stage.split()[2].replace(",", "")) for stage in climbed]
    assert sizes == sorted(sizes)
    assert told[-1][0].startswith("more pilots")


def test_time_is_kept_on_a_table_far_too_large():
    task = make_task(200_000)
    began = time.monotonic()
    pilots = run_pilots(task, seconds=4, n_jobs=2)
    assert time.monotonic() - began < 4 + 6  # the table is binned first; a round is ended
    assert pilots.points
    assert max(point.rows for point in pilots.points) < pilots.rows


def test_with_no_time_at_all_it_says_what_to_change():
    with pytest.raises(DriftuneError, match="--budget"):
        run_pilots(make_task(), seconds=0.0, n_jobs=1)


def test_rows_are_nested_and_judged_on_the_same_ones():
    task = make_task(30_000, time_column=True)
    folds = cut_pilots(task)
    for number in range(len(task.folds)):
        rows = [folds.all[folds.numbers(part)[number]] for part in folds.parts]
        for fewer, more in pairwise(rows):
            assert set(fewer.train) < set(more.train)
            assert np.array_equal(fewer.valid, more.valid)
        assert np.array_equal(rows[-1].train, task.folds[number].train)
        assert len(rows[0].valid) == VALIDATION
        whole = folds.all[folds.numbers(0)[number]]
        assert np.array_equal(whole.valid, task.folds[number].valid)


def test_classes_keep_their_shares_on_few_rows():
    frame = load_breast_cancer(as_frame=True).frame
    task = task_of(Problem(name="b", target="target", metric="log_loss"), frame)
    folds = cut_pilots(task)
    smallest = folds.all[folds.numbers(folds.parts[0])[0]].train
    assert np.mean(task.table.y[smallest]) == pytest.approx(np.mean(task.table.y), abs=0.03)


def test_the_champion_is_among_the_pilots():
    own = {"num_leaves": 77, "learning_rate": 0.07, "min_data_in_leaf": 20}
    configs = choose_configs(make_task(), [own])
    assert next(iter(configs.values())).items() >= own.items()
    assert len({tuple(sorted(c.items())) for c in configs.values()}) == len(configs)


@pytest.mark.parametrize("family", ["linear", "random_forest"])
def test_families_without_boosting_are_piloted_too(family):
    X, y = make_friedman1(n_samples=2_000, n_features=6, noise=1.0, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(y=y)
    problem = Problem(name="friedman", target="y", metric="rmse")
    pilots = run_pilots(task_of(problem, frame, 2, family), seconds=5, n_jobs=2)
    assert pilots.points
    assert all(point.leaves is None for point in pilots.points)


def test_sizes_are_halves_down_to_a_span_of_eight_at_least():
    assert choose_sizes(46_000) == [64, 32, 16, 8, 4, 2, 1]
    assert choose_sizes(1_000) == [8, 4, 2, 1]
    assert choose_sizes(50) == [1]


def test_folds_that_differ_in_level_and_slope_are_no_noise():
    rows = np.array([500, 1000, 2000, 4000, 8000])
    curve = 5 * rows[:, None] ** -np.array([0.2, 0.3, 0.25]) * np.array([1.0, 1.4, 0.8])
    assert relative_error(curve, rows) == pytest.approx(0, abs=1e-12)
    noisy = curve * (1 + np.random.default_rng(0).normal(0, 0.05, curve.shape))
    assert 0.01 < relative_error(noisy, rows) < 0.06
    assert relative_error(curve[:2], rows[:2]) is None


def test_a_perfect_score_can_be_planned_from():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1600)
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=1600), "y": (x > 0).astype(int)})
    task = task_of(Problem(name="easy", target="y", metric="roc_auc"), frame)
    pilots = run_pilots(task, seconds=LONG, n_jobs=2)
    assert min(point.loss for point in pilots.points) > 0
    assert all(point.se is None or point.se >= 0 for point in pilots.points)
    with_a_perfect_fold = np.array([[0.02, 0.01], [0.01, 0.0], [0.01, 0.005]])
    assert 0 < relative_error(with_a_perfect_fold, [100, 200, 400]) < 2
    assert relative_error(np.zeros((3, 2)), [100, 200, 400]) is None
