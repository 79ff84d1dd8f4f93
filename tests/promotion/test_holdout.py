"""What the gate keeps from the search."""

import numpy as np
import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.promotion import Gate, hold_out_newest

TIMED = Problem(name="p", target="y", metric="rmse", time="t")
UNTIMED = Problem(name="p", target="y", metric="rmse")


@pytest.fixture
def rows():
    n = 1000
    rng = np.random.default_rng(0)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(n), unit="h")
    y = np.where(np.arange(n) % 10 == 0, np.nan, np.arange(n))
    return pd.DataFrame({"row": np.arange(n), "t": times, "y": y})


@pytest.mark.parametrize("holdout", [0.3, "10d"])
def test_the_newest_labelled_rows_are_kept_and_none_is_on_both_sides(rows, holdout):
    search, kept = hold_out_newest(rows, TIMED, Gate(holdout=holdout))
    assert search["t"].max() < kept["t"].min()
    assert search["t"].is_monotonic_increasing
    assert kept["t"].is_monotonic_increasing
    assert set(search["row"]) | set(kept["row"]) == set(rows.loc[rows["y"].notna(), "row"])
    assert not set(search["row"]) & set(kept["row"])


def test_without_time_a_share_is_drawn_the_same_each_time(rows):
    rows = rows.drop(columns="t")
    search, kept = hold_out_newest(rows, UNTIMED, Gate(holdout=0.3))
    assert len(kept) == 270
    assert not set(search["row"]) & set(kept["row"])
    assert kept["row"].max() > 900 > 100 > kept["row"].min()
    again = hold_out_newest(rows, UNTIMED, Gate(holdout=0.3))[1]
    pd.testing.assert_frame_equal(kept, again)


def test_too_few_rows_for_the_gate_are_refused_before_any_search(rows):
    with pytest.raises(DataError, match=r"180 labelled rows.*gate\.holdout.*gate\.min_rows is 200"):
        hold_out_newest(rows, TIMED, Gate(holdout=0.2))
    assert len(hold_out_newest(rows, TIMED, Gate(holdout=0.2, min_rows=100))[1]) == 180


def test_a_duration_needs_a_time_column(rows):
    with pytest.raises(DataError, match=r"gate\.holdout.*'7d'"):
        hold_out_newest(rows, UNTIMED, Gate(holdout="7d"))


@pytest.mark.parametrize("column", ["t", "y"])
def test_a_missing_column_is_named(rows, column):
    with pytest.raises(DataError, match=repr(column)):
        hold_out_newest(rows.drop(columns=column), TIMED, Gate())


def test_a_holdout_longer_than_the_table_is_refused(rows):
    with pytest.raises(DataError):
        hold_out_newest(rows, TIMED, Gate(holdout="60d"))
