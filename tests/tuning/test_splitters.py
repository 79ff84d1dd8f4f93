"""Folds: never a row of the future in training, never a row or a group on both sides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, PredefinedSplit

from driftune.errors import DataError, UsageError
from driftune.problem import Problem
from driftune.settings import Tuning
from driftune.tuning import Budget, prepare, refit, tune
from driftune.tuning.fold_plan import folds_for
from driftune.tuning.splitter_choice import Splitter
from driftune.tuning.splitters import forward_chaining, kfold


@settings(deadline=None)  # the first call imports scikit-learn
@given(st.integers(30, 500), st.integers(2, 8), st.integers(0, 5), st.booleans())
def test_forward_chaining_never_trains_on_later_rows(n_rows, n_folds, gap, rolling):
    folds = forward_chaining(n_rows, n_folds, gap=gap, rolling=rolling)
    assert len(folds) == n_folds
    for fold in folds:
        assert fold.train.max() + gap < fold.valid.min()
    sizes = {len(fold.train) for fold in folds}
    assert len(sizes) == (1 if rolling else n_folds)
    assert rolling or {fold.train.min() for fold in folds} == {0}
    validated = np.concatenate([fold.valid for fold in folds])
    assert validated.tolist() == list(range(validated[0], n_rows)), "each late row once"


@settings(deadline=None)  # the first call imports scikit-learn
@given(st.lists(st.integers(0, 2), min_size=30, max_size=80), st.integers(2, 4), st.booleans())
def test_kfold_validates_each_row_once(labels, n_folds, stratified):
    y = np.array([0, 1, 2] * 4 + labels)
    folds = kfold(y, n_folds, stratified=stratified, seed=1)
    assert sorted(np.concatenate([fold.valid for fold in folds])) == list(range(len(y)))
    for fold in folds:
        assert not set(fold.train) & set(fold.valid)
        if stratified:
            assert set(y[fold.valid]) == {0, 1, 2}


def late_positive(**changes):
    table = pd.DataFrame({"t": range(40), "a": range(40), "y": [0] * 30 + [1] * 10})
    return Problem(name="p", target="y", metric="roc_auc", **changes), table


def test_a_time_column_means_forward_folds_and_one_class_is_refused():
    problem, table = late_positive(time="t")
    with pytest.raises(DataError, match="one class of 'y'"):
        folds_for(problem, prepare(problem, table), 3)
    problem, table = late_positive()
    assert len(folds_for(problem, prepare(problem, table), 3)) == 3


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="7 labelled rows"):
        forward_chaining(7, 3)
    with pytest.raises(DataError, match="rarest class has 2 rows"):
        kfold(np.array([0] * 20 + [1] * 2), 3, stratified=True, seed=0)


DAYS = 60


def visits(metric="rmse", **changes):
    """Two visits a day of ten patients, each seen in a row of its own weeks."""
    n = 2 * DAYS
    table = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=DAYS).repeat(2),
            "patient": [f"p{i // 12}" for i in range(n)],
            "a": np.arange(n) % 7,
            "y": np.arange(n) % 2 if metric == "roc_auc" else np.arange(n) / 3,
        }
    )
    return Problem(name="p", target="y", metric=metric, **changes), table


def cut(splitter, n_folds=3, metric="rmse", **changes):
    problem, table = visits(metric, **changes)
    prepared = prepare(problem, table)
    return prepared, folds_for(problem, prepared, n_folds, splitter=Splitter.load(splitter))


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("grouped", "rmse"), ("stratified_grouped", "roc_auc"), ("grouped_forward", "rmse")],
)
def test_no_group_is_on_both_sides(kind, metric):
    prepared, folds = cut(kind, metric=metric, time="day", group="patient")
    assert "patient" not in prepared.feature_names
    for fold in folds:
        assert not set(prepared.groups[fold.train]) & set(prepared.groups[fold.valid])
        if kind == "grouped_forward":
            assert fold.train.max() < fold.valid.min()
    if kind != "grouped_forward":
        assert sorted(np.concatenate([fold.valid for fold in folds])) == list(range(2 * DAYS))


@pytest.mark.parametrize(
    ("columns", "metric", "kind"),
    [
        ({"time": "day", "drop": ["patient"]}, "rmse", "forward"),
        ({"time": "day", "group": "patient"}, "rmse", "grouped_forward"),
        ({"drop": ["day"], "group": "patient"}, "rmse", "grouped"),
        ({"drop": ["day"], "group": "patient"}, "roc_auc", "stratified_grouped"),
        ({"drop": ["day", "patient"]}, "roc_auc", "stratified"),
        ({"drop": ["day", "patient"]}, "rmse", "kfold"),
    ],
)
def test_the_problem_says_what_is_split_by_default(columns, metric, kind):
    problem, table = visits(metric, **columns)
    assert Splitter().settle(problem, prepare(problem, table)).kind == kind


def test_labels_that_come_late_leave_a_gap_of_rows_or_of_time():
    prepared, by_rows = cut({"kind": "forward", "gap": 5}, time="day")
    assert all(fold.valid[0] - fold.train[-1] == 6 for fold in by_rows)
    prepared, by_time = cut({"kind": "forward", "gap": "7d"}, time="day")
    for fold in by_time:
        distance = prepared.time[fold.valid[0]] - prepared.time[fold.train[-1]]
        assert distance == pd.Timedelta(days=7)


def test_repeats_shuffle_anew():
    _, folds = cut({"kind": "kfold", "repeats": 3, "folds": 2}, drop=["day", "patient"])
    assert len(folds) == 6
    assert len({tuple(fold.valid) for fold in folds}) == 6


def test_a_splitter_of_scikit_learn_is_taken_as_it_is():
    problem, table = visits(drop=["day", "patient"])
    own = PredefinedSplit([0] * 40 + [1] * 40 + [-1] * 40)
    folds = folds_for(problem, prepare(problem, table), 3, splitter=own)
    assert [fold.valid.tolist() for fold in folds] == [list(range(40)), list(range(40, 80))]


def test_random_folds_on_ordered_rows_are_possible_and_not_silent(caplog):
    _, folds = cut("kfold", time="day")
    assert any(fold.train.max() > fold.valid.min() for fold in folds)
    assert "later than those it validates on" in caplog.text
    caplog.clear()
    cut("auto", time="day")
    assert not caplog.text


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ("timeseries", r"splitter\.kind .*forward"),
        ({"kind": "kfold", "folds": 1}, r"splitter\.folds is 1"),
        ({"kind": "kfold", "repeats": 0}, r"splitter\.repeats is 0"),
        ({"kind": "forward", "gap": -1}, r"splitter\.gap is -1"),
        ({"kind": "forward", "gap": "soon"}, r"splitter\.gap: 'soon' is not a duration"),
        ({"kind": "forward", "repeats": 2}, r"repeats does not go with kind 'forward'"),
        ({"kind": "kfold", "gap": 3}, r"gap does not go with kind 'kfold'"),
        ({"kind": "kfold", "gaps": 3}, r"no key 'gaps'.*'gap'"),
        ({"kind": "stratified"}, r"'stratified' needs classes"),
        ({"kind": "forward"}, r"needs the column `time`"),
        ({"kind": "grouped"}, r"splitter\.group"),
        ({"repeats": 2, "gap": 1}, r"gap does not go"),
    ],
)
def test_what_cannot_be_meant_names_the_setting(wrong, names):
    with pytest.raises(UsageError, match=names):
        cut(wrong, drop=["day", "patient"])


@pytest.mark.parametrize("splitter", ["grouped", GroupKFold(2)])
def test_a_study_knows_no_group_and_neither_does_its_model(splitter):
    problem, table = visits(drop=["day"], group="patient")
    result = tune(
        problem, table, space={"num_leaves": {"type": "int", "low": 2, "high": 9}}, n_folds=2,
        splitter=splitter, budget=Budget(max_trials=1), n_jobs=1,
    )  # fmt: skip
    assert len(result.trials["fold_scores"][0]) == 2
    assert len(refit(problem, table, result).predict(table[["a"]])) == len(table)


def test_a_splitter_that_cannot_be_read_is_named():
    problem, table = visits(drop=["day"], group="patient")
    with pytest.raises(UsageError, match=r"tuning\.splitter is 5"):
        tune(problem, table, splitter=5)


def test_a_name_in_the_settings_is_a_kind():
    assert Tuning(splitter="kfold").splitter == Splitter(kind="kfold")
    assert Tuning(splitter={"gap": "7d"}).splitter == Splitter(gap="7d")
    assert Tuning().splitter == Splitter()


def test_groups_that_cannot_be_split_are_refused():
    with pytest.raises(
        DataError, match=r"'patient' has 10 groups, fewer than the 11 folds \(tuning\.folds\)"
    ):
        cut("grouped", 11, drop=["day"], group="patient")
    problem, table = visits(time="day", group="patient")
    everywhere = table.assign(patient=["a", "b"] * DAYS)
    with pytest.raises(DataError, match="Fold 1 has 0 training rows"):
        folds_for(problem, prepare(problem, everywhere), 3)
    with pytest.raises(DataError, match="1 labelled rows have no group in 'patient'"):
        prepare(problem, table.assign(patient=[None, *table["patient"][1:]]))
    numbers = table.assign(day=range(2 * DAYS))
    with pytest.raises(UsageError, match=r"gap '7d' is a duration, but .*'day' holds numbers"):
        folds_for(problem, prepare(problem, numbers), 3, splitter=Splitter(gap="7d"))
