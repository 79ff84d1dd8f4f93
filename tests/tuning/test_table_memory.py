"""How much memory a table takes on its way into a search, and that narrow numbers stay narrow."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from driftune.problem import Problem
from driftune.tuning import Budget, tune
from driftune.tuning.encoding import as_float
from driftune.tuning.families import get_family
from driftune.tuning.space import SearchSpace
from driftune.tuning.task import load_task

PROBLEM = Problem(name="wide", target="y", metric="rmse", time="t")


def wide(n_rows, dtype=np.float32):
    """Rows in time order, with 20 numbers each."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((n_rows, 20)).astype(dtype)).rename(columns="f{}".format)
    table["y"] = table["f0"] + rng.random(n_rows).astype(dtype)
    return table.assign(t=np.arange(n_rows))


def load(table):
    family = get_family("lightgbm")
    return load_task(PROBLEM, table, family, SearchSpace.load(None, family), 3, 0)


def test_loading_takes_less_than_three_times_the_table():
    load(wide(1000))  # imports
    table = wide(100_000)
    size = table.memory_usage(index=False).sum()
    tracemalloc.start()
    task = load(table)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert task.table.X.nbytes == 100_000 * 20 * 4
    assert kept < 1.7 * size
    assert most < 2.7 * size


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pd.Series([1, 2], dtype="int16"), np.float32),
        (pd.Series([True, False]), np.float32),
        (pd.Series([0.5, np.nan], dtype="float32"), np.float32),
        (pd.Series([1, None], dtype="Int8"), np.float32),
        (pd.Series([2**24 + 1, 2], dtype="int32"), np.float64),
        (pd.Series([0.1, 2.0]), np.float64),
        (pd.Series([1, None], dtype=object), np.float64),
    ],
)
def test_numbers_keep_their_values(column, wanted):
    floats = as_float(pd.DataFrame({"a": column, "b": np.float32(1.5)}))
    assert floats.dtype == wanted
    known = column.notna().to_numpy()
    assert [float(v) for v in floats[known, 0]] == [float(v) for v in column[known]]
    assert np.isnan(floats[~known, 0]).all()


def test_a_narrow_table_is_tuned_like_a_wide_one():
    narrow = wide(400)
    results = [
        tune(PROBLEM, table, budget=Budget(max_trials=2), n_jobs=1)
        for table in (narrow, narrow.astype(dict.fromkeys(narrow.columns[:20], float)))
    ]
    assert results[0].best_value == results[1].best_value
