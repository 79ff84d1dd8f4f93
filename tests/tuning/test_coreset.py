"""Rows that cover a table: what k-center promises, and where it pays to take them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.problem import Problem
from driftune.tuning import Budget, TuningResult, prepare, refit, tune
from driftune.tuning.coreset import Places, choose_spread, refuse_minutes
from driftune.tuning.families import get_family
from driftune.tuning.known import configuration_of, known_result
from driftune.tuning.row_limit import take_rows
from driftune.tuning.space import SearchSpace
from driftune.tuning.task import load_task


def numbers(n=300, p=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, p)) ** 3


def gower(X, q):
    """The ``(n, n)`` distances by definition, for a table without missing values and ties."""
    same = (X[:, None, :q] != X[None, :, :q]).sum(axis=2)
    ranks = X[:, q:].argsort(axis=0).argsort(axis=0) / (len(X) - 1)
    return same + np.abs(ranks[:, None] - ranks[None]).sum(axis=2)


def radius(distances, chosen):
    """How far the row is that is farthest from all chosen ones."""
    return distances[:, chosen].min(axis=1).max()


def mixed(n=300, seed=0):
    codes = np.random.default_rng(seed).integers(0, 4, (n, 1))
    return np.hstack([codes, numbers(n, 2, seed)])


def test_every_row_is_nearer_to_a_chosen_one_than_with_any_of_many_samples():
    X = mixed()
    distances = gower(X, 1)
    chosen = choose_spread(X, 30, n_categorical=1)
    rng = np.random.default_rng(0)
    samples = [radius(distances, rng.choice(300, 30, replace=False)) for _ in range(200)]
    assert radius(distances, chosen) < 0.9 * min(samples)


def test_each_next_row_is_the_farthest_of_all():
    X = mixed()
    distances = gower(X, 1)
    chosen = choose_spread(X, 40, n_categorical=1, seed=5)
    for k in range(1, 40):
        far = distances[:, chosen[:k]].min(axis=1)
        assert far[chosen[k]] == pytest.approx(far.max(), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(
    few=st.integers(1, 100), more=st.integers(0, 40), seed=st.integers(0, 3), k=st.integers(1, 3)
)
def test_fewer_rows_are_the_first_of_more_rows(few, more, seed, k):
    X = mixed(120)
    classes = None if k == 1 else (np.arange(120) % 7 < k).astype(int)
    chosen = choose_spread(X, few + more, n_categorical=1, classes=classes, seed=seed)
    fewer = choose_spread(X, few, n_categorical=1, classes=classes, seed=seed)
    assert np.array_equal(chosen[:few], fewer)
    assert len(np.unique(chosen)) == len(chosen) == min(120, few + more)


def test_a_column_on_another_scale_changes_nothing():
    X = numbers()
    other = np.column_stack([np.exp(X[:, 0]), 1e6 * X[:, 1] - 5, np.cbrt(X[:, 2])])
    assert np.array_equal(choose_spread(X, 50), choose_spread(other, 50))


def test_names_of_categories_and_the_order_of_columns_change_nothing():
    X = np.hstack([mixed(), numbers(seed=1)])
    renamed = X.copy()
    renamed[:, 0] = np.array([2, 0, 3, 1])[X[:, 0].astype(int)]
    moved = X[:, [0, 3, 1, 2, 4, 5]]
    for other in (renamed, moved):
        same = choose_spread(other, 20, n_categorical=1)
        assert np.array_equal(choose_spread(X, 20, n_categorical=1), same)


def test_another_seed_begins_elsewhere_and_the_same_one_does_not():
    X = numbers()
    assert len({choose_spread(X, 20, seed=seed)[0] for seed in range(10)}) > 5
    assert np.array_equal(choose_spread(X, 20, seed=3), choose_spread(X, 20, seed=3))


def test_copies_of_a_row_are_taken_last():
    X = np.vstack([numbers(40), np.tile(numbers(1, seed=9), (60, 1))])
    chosen = choose_spread(X, 100)
    assert (chosen[:41] >= 40).sum() == 1
    assert (chosen[41:] >= 40).all()
    assert sorted(chosen) == list(range(100))


def test_a_missing_number_is_a_place_of_its_own():
    X = numbers(100, 1)
    X[17] = np.nan
    assert Places.of(X).distances(17).argsort()[0] == 17
    assert Places.of(X).distances(17)[:17].min() >= 1  # farther than the ends from each other
    assert 17 in choose_spread(X, 2, seed=0)


def test_one_row_of_each_class_comes_first_and_then_the_farthest_of_any():
    X, classes = mixed(), np.array([0] * 280 + [1] * 18 + [2] * 2)
    distances = gower(X, 1)
    chosen = choose_spread(X, 30, n_categorical=1, classes=classes)
    assert set(classes[chosen[:3]]) == {0, 1, 2}
    for k in range(3, 30):
        far = distances[:, chosen[:k]].min(axis=1)
        assert far[chosen[k]] == pytest.approx(far.max(), abs=1e-5)


def test_classes_that_are_all_alike_are_still_all_there():
    chosen = choose_spread(np.zeros((50, 2)), 10, classes=np.arange(50) % 7)
    assert set(chosen[:7] % 7) == set(range(7))
    assert len(set(chosen)) == 10


def test_what_would_take_minutes_names_limit_and_setting():
    with pytest.raises(UsageError, match=r"budget\.max_rows to at most 6,000, or .*row_selection"):
        refuse_minutes(1_000_000, 6_001, 10)
    refuse_minutes(1_000_000, 6_000, 10)


def flights(rows=200):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=rows), "c": rng.choice(list("xyz"), rows)})
    frame.loc[3, "a"] = np.nan
    frame.loc[5, "c"] = None
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), "D")
    return frame.assign(y=rng.normal(size=rows), day=day)


def test_a_prepared_table_with_a_time_keeps_its_order():
    problem = Problem(name="f", target="y", metric="rmse", time="day")
    everything = prepare(problem, flights())
    taken = take_rows(everything, 40, selection="k_center", seed=1)
    more = take_rows(everything, 60, selection="k_center", seed=1)
    assert len(taken.y) == len(taken.X) == 40
    assert taken.time.is_monotonic_increasing
    assert set(taken.time) < set(more.time)
    assert taken.time.min() < everything.time.iloc[100]  # not the newest ones
    assert taken.X["a"].isna().any()
    assert taken.X["c"].isna().any()


def test_another_selection_is_another_study():
    problem = Problem(name="f", target="y", metric="rmse", time="day")
    space = SearchSpace.parse({"num_leaves": {"type": "int", "low": 2, "high": 9}})

    def digest(**options):
        return load_task(problem, flights(), get_family("lightgbm"), space, 3, 0, **options).digest

    assert digest(max_rows=90) != digest(max_rows=90, row_selection="k_center")
    assert digest() == digest(row_selection="k_center")


@pytest.mark.parametrize("limit", [{"max_rows": 9}, {"max_row_cost": 9.0, "row_cost": 1.0}])
def test_a_selection_needs_a_limit(limit):
    with pytest.raises(UsageError, match=r"budget\.row_selection is 'k_center', but all rows"):
        Budget(row_selection="k_center")
    assert Budget(row_selection="k_center", **limit).row_limit[0] == 9
    with pytest.raises(UsageError, match=r"budget\.row_selection is 'k-center'; it must be auto"):
        Budget(row_selection="k-center", **limit)


def steps(rows=400):
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    return pd.DataFrame({"x": x, "y": np.round(3 * x) + rng.normal(0, 0.1, rows)})


def test_search_and_refit_use_the_same_rows_and_the_result_is_kept():
    table, problem = steps(), Problem(name="n", target="y", metric="rmse")
    space = {
        "num_leaves": {"type": "int", "low": 4, "high": 5},
        "min_data_in_leaf": {"type": "int", "low": 1, "high": 2},
    }
    budget = Budget(max_trials=1, max_rows=40, row_selection="k_center")
    result = tune(problem, table, space=space, budget=budget, n_folds=2, n_jobs=1)
    assert (result.rows, result.row_selection) == (40, "k_center")
    chosen = take_rows(prepare(problem, table), 40, selection="k_center", seed=0)
    known = known_result(configuration_of(result))
    again = TuningResult.from_dict(result.to_dict())
    wanted = refit(problem, chosen.X.assign(y=chosen.y), known).predict(table)
    for kept in (result, known, again):
        assert kept.row_selection == "k_center"
        assert np.allclose(refit(problem, table, kept, n_jobs=1).predict(table), wanted)
    other = refit(problem, table, replace(result, row_selection="auto"), n_jobs=1)
    assert not np.allclose(other.predict(table), wanted)


def test_a_result_of_an_earlier_version_took_what_auto_takes():
    table, problem = steps(), Problem(name="n", target="y", metric="rmse")
    result = tune(problem, table, budget=Budget(max_trials=1, max_rows=50), n_folds=2, n_jobs=1)
    old, known = result.to_dict(), configuration_of(result)
    del old["row_selection"], known["row_selection"]
    assert TuningResult.from_dict(old).row_selection == "auto"
    assert known_result(known).row_selection == "auto"
