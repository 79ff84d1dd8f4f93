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
        hold_out_newest(rows, TIMED, Gate(holdout=0.2, min_rows=200))
    assert len(hold_out_newest(rows, TIMED, Gate(holdout=0.2))[1]) == 180


@pytest.mark.parametrize(
    ("newest", "kept"),
    [(None, 180), (150, 150), (260, 260), (40, 100), (900, 300)],
    ids=["no batch", "all of it", "all", "at least min_rows", "at most a third"],
)
def test_by_itself_the_newest_batch_is_kept(rows, newest, kept):
    search, held = hold_out_newest(rows, TIMED, Gate(), newest=newest)
    assert len(held) == kept
    assert search["t"].max() < held["t"].min()


def test_batches_without_a_time_are_in_the_order_in_which_they_arrived(rows):
    untimed = rows.drop(columns="t")
    search, held = hold_out_newest(untimed, UNTIMED, Gate(), newest=300, in_order=True)
    assert search["row"].max() < held["row"].min()


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


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_times_of_any_resolution_are_held_out_by_duration(unit):
    times = pd.date_range("2024-01-01", periods=10, unit=unit).to_numpy()
    assert Gate(holdout="3d").holdout_rows(times).sum() == 3
