"""The pilot that tries k-center on real fits: where it must win, and where it must not."""

import math

import numpy as np
import pandas as pd
import pytest

from driftune.problem import Problem
from driftune.scaling import Observation
from driftune.tuning.families import get_family
from driftune.tuning.pilot_folds import VALIDATION
from driftune.tuning.pilots import Pilots
from driftune.tuning.selection_pilot import (
    CHOSEN,
    NEWEST,
    RANDOM,
    affordable_rows,
    draw_arms,
    expected_seconds,
    try_k_center,
)
from driftune.tuning.space import SearchSpace
from driftune.tuning.task import load_task

LONG = 600.0  # seconds: never reached
PARAMS = {"num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 2}


def task_of(frame, **columns):
    family = get_family("lightgbm")
    problem = Problem(name="t", target="y", **({"metric": "rmse"} | columns))
    return load_task(problem, frame, family, SearchSpace.load(None, family), 3, 0)


def pilots_of(task, seconds=0.1):
    """Pilots that took so long on each size, with a better and a worse configuration."""
    rows = round(np.mean([len(fold.train) for fold in task.folds]))
    points = [
        Observation(size, loss, seconds=seconds, rounds=50, leaves=15, config_id=name)
        for size in (rows // 4, rows // 2, rows)
        for name, loss in (("worse", 2.0), ("better", 1.0))
    ]
    configs = {"worse": PARAMS | {"num_leaves": 2}, "better": PARAMS}
    return Pilots(points, rows, len(task.table.y), 1.0, configs, None, 1.0)


def rare_clusters(rows=2_400):
    """One kind of row is common and eight, with 24 rows each, are rare and have other targets."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(9), [rows - 8 * 24, *[24] * 8])
    frame = pd.DataFrame({"a": rng.normal(size=rows)})
    frame = frame.assign(**{f"is_{k}": (kind == k).astype(float) for k in range(1, 9)})
    return frame.assign(y=np.where(kind > 0, 20.0 * (-1) ** kind * kind, 0.0))


def noisy_ends(rows=2_400):
    """A slope that most rows follow; in the few rows with a mark, of any kind, it is all noise."""
    rng = np.random.default_rng(0)
    x, odd = rng.normal(size=rows), rng.random(rows) < 0.05
    marks = {f"m{k}": np.where(odd, rng.normal(size=rows), 0.0) for k in range(4)}
    y = np.where(odd, rng.normal(0, 10, rows), 2 * x)
    return pd.DataFrame({"x": x, **marks, "y": y})


def noise(rows=1_200):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 4))
    return pd.DataFrame(X, columns=list("abcd")).assign(y=rng.normal(size=rows))


def test_rare_clusters_that_matter_are_worth_covering():
    task = task_of(rare_clusters())
    found = try_k_center(task, pilots_of(task), rows=150, seconds=LONG, n_jobs=2)
    assert found.worth
    assert found.seeds == 5
    assert found.gain > 3 * found.error
    assert found.rows == 150


def test_odd_rows_that_are_noise_are_not():
    task = task_of(noisy_ends(), metric="mae")
    found = try_k_center(task, pilots_of(task), rows=150, seconds=LONG, n_jobs=2)
    assert not found.worth
    assert found.gain < -found.error
    assert found.seeds == 5
    assert "keep the random sample" in found.reason


def test_where_all_rows_are_noise_no_choice_of_them_matters():
    task = task_of(noise())
    found = try_k_center(task, pilots_of(task), rows=150, seconds=LONG, n_jobs=2)
    assert abs(found.gain) < 0.03  # of a loss of 1
    assert abs(found.gain) < 4 * found.error


def test_without_time_nothing_is_tried_and_nothing_is_advised():
    task = task_of(rare_clusters())
    found = try_k_center(task, pilots_of(task), rows=150, seconds=0.0, n_jobs=2)
    assert (found.seeds, found.gain, found.worth) == (0, None, False)


def test_all_ways_have_the_same_folds_sizes_and_validation_rows():
    task = task_of(pd.concat([noise()] * 8, ignore_index=True))
    arms = draw_arms(task, 600, 0)
    assert set(arms) == {RANDOM, CHOSEN}
    for random, chosen, fold in zip(arms[RANDOM], arms[CHOSEN], task.folds, strict=True):
        assert len(random.train) == len(chosen.train) == 400
        assert set(random.train) | set(chosen.train) <= set(fold.train)
        assert np.array_equal(random.valid, chosen.valid)
        assert set(random.valid) <= set(fold.valid)
        assert len(random.valid) == VALIDATION
    again, other = draw_arms(task, 600, 0), draw_arms(task, 600, 1)
    for name, of_arm in arms.items():
        assert np.array_equal(of_arm[0].train, again[name][0].train)
        assert not np.array_equal(of_arm[0].train, other[name][0].train)
        assert np.array_equal(of_arm[0].valid, other[name][0].valid)


def test_a_sample_keeps_the_shares_of_classes_and_each_way_has_them_all():
    frame = noise().assign(y=np.where(np.arange(1_200) % 20, "often", "rare"))
    task = task_of(frame, metric="log_loss")
    arms = draw_arms(task, 300, 0)
    assert np.bincount(task.table.y[arms[RANDOM][0].train]).tolist() == [190, 10]
    assert np.bincount(task.table.y[arms[CHOSEN][0].train]).min() >= 1


def drifting(rows=1_200):
    """What the newest rows say of the next ones, no earlier row does."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=rows), np.arange(rows)
    return pd.DataFrame({"x": x, "t": t, "y": t / 20 + 0.1 * rng.normal(size=rows)})


def test_with_a_time_the_newest_rows_are_to_be_beaten_too():
    task = task_of(drifting(), time="t")
    first, second = draw_arms(task, 200, 0), draw_arms(task, 200, 1)
    assert NEWEST in first
    assert NEWEST not in second
    for fold, whole in zip(first[NEWEST], task.folds, strict=True):
        assert fold.train.tolist() == whole.train[-len(fold.train) :].tolist()
    found = try_k_center(task, pilots_of(task), rows=200, seconds=LONG, n_jobs=2)
    assert not found.worth
    assert "against the newest 200: keep the newest rows" in found.reason


def test_what_is_too_dear_is_tried_on_half_of_halves_of_the_table():
    def cost(rows):
        return rows / 100

    assert affordable_rows(3_000, 8_000, 100, 30.0, cost) == 3_000
    assert affordable_rows(3_000, 8_000, 100, 29.0, cost) == 2_000
    assert affordable_rows(3_000, 8_000, 100, 3.0, cost) == 250
    assert affordable_rows(3_000, 8_000, 100, 1.0, cost) is None
    assert affordable_rows(50, 8_000, 100, 1.0, cost) == 50  # as asked, however few


def test_expected_seconds_count_every_fit_of_every_seed():
    task = task_of(noise())
    few = expected_seconds(task, pilots_of(task, seconds=1.0), 600)
    assert few == pytest.approx(10, rel=0.01)  # ten fits of a second; k-center takes none
    assert expected_seconds(task, pilots_of(task, seconds=3.0), 600) > 2.9 * few
    in_time = task_of(drifting(), time="t")
    assert math.ceil(expected_seconds(in_time, pilots_of(in_time, seconds=1.0), 600)) >= 11
