"""Fewer rows: the newest, or a sample that a larger limit only adds to."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.problem import Problem
from driftune.tuning import prepare
from driftune.tuning.families import get_family
from driftune.tuning.row_limit import take_rows
from driftune.tuning.space import SearchSpace
from driftune.tuning.splitter_choice import Splitter
from driftune.tuning.task import load_task


def prepared(metric="f1_weighted", **columns):
    table = pd.DataFrame(
        {"a": range(100), "y": ["rare"] * 4 + ["often"] * 66 + ["some"] * 30, "g": range(100)}
    )
    table = table.assign(t=np.arange(100)[::-1])
    problem = Problem(name="p", target="y", metric=metric, **columns)
    return prepare(problem, table)


def test_with_a_time_column_the_newest_rows_are_taken():
    rows = take_rows(prepared(time="t", group="g"), 30)
    assert rows.time.tolist() == list(range(70, 100))
    assert len(rows.y) == len(rows.X) == len(rows.groups) == 30
    assert rows.X["a"].tolist() == list(range(30))[::-1]


@settings(deadline=None, max_examples=40)
@given(few=st.integers(3, 99), more=st.integers(0, 60), seed=st.integers(0, 3))
def test_a_sample_keeps_the_shares_and_a_larger_one_contains_it(few, more, seed):
    everything = prepared(drop=["t", "g"])
    small = take_rows(everything, few, seed=seed)
    large = take_rows(everything, few + more, seed=seed)
    assert set(small.X["a"]) <= set(large.X["a"])
    counts = np.bincount(small.y, minlength=3)
    shares = np.bincount(everything.y) / 100
    assert counts.sum() == few
    assert (counts >= 1).all()
    assert np.abs(counts - few * shares).max() <= 2


def test_no_limit_and_a_high_one_change_nothing():
    everything = prepared(drop=["t", "g"])
    assert take_rows(everything, None) is everything
    assert take_rows(everything, 100) is everything


def load(problem, **options):
    table = pd.DataFrame({"a": np.arange(90.0), "g": np.arange(90) // 9, "y": np.arange(90.0)})
    space = SearchSpace.parse({"num_leaves": {"type": "int", "low": 2, "high": 9}})
    return load_task(problem, table, get_family("lightgbm"), space, 3, 0, **options)


def test_groups_of_a_splitter_must_not_be_a_feature():
    plain = Problem(name="p", target="y", metric="rmse")
    with pytest.raises(UsageError, match=r"tuning\.splitter\.group 'g' is a feature.*`ids`"):
        load(plain, splitter=Splitter(group="g"))
    ids = plain.model_copy(update={"ids": ("g",)})
    task = load(ids, splitter=Splitter(kind="grouped", group="g"))
    assert all(len(np.unique(task.prepared.groups[fold.valid])) in {3, 4} for fold in task.folds)


def test_another_splitter_or_row_limit_is_another_study():
    ids = Problem(name="p", target="y", metric="rmse", ids=("g",))
    tasks = [
        load(ids),
        load(ids, splitter=Splitter(kind="kfold", repeats=2)),
        load(ids, splitter=Splitter(kind="grouped", group="g")),
        load(ids, max_rows=80),
    ]
    assert len({task.digest for task in tasks}) == 4
    assert load(ids, splitter=Splitter(kind="kfold")).digest == tasks[0].digest
    assert tasks[3].rows_held_back == 10
