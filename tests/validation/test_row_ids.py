"""A row keeps its id in another order, another file and beside other rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.problem import Problem
from driftune.validation.row_ids import row_ids

PLAIN = Problem(name="a", target="y", metric="rmse")
NAMED = Problem(name="a", target="y", metric="rmse", ids=("id",), time="when")


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": rng.integers(2**60, 2**62, 500),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(500), "min"),
            "x": rng.normal(size=500).round(1),
            "word": rng.choice(["a", "b", None], 500),
            "y": rng.normal(size=500),
        }
    )


@pytest.mark.parametrize("problem", [PLAIN, NAMED])
def test_order_of_rows_and_columns_changes_no_id(rows, problem):
    ids = pd.Series(row_ids(rows, problem), index=rows.index)
    assert ids.is_unique
    shuffled = rows.sample(frac=1, random_state=1)[rows.columns[::-1]]
    assert (row_ids(shuffled, problem) == ids[shuffled.index]).all()


@pytest.mark.parametrize("problem", [PLAIN, NAMED])
def test_csv_and_parquet_give_the_same_ids(rows, problem, tmp_path):
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_parquet(tmp_path / "a.parquet", index=False)
    again = pd.read_csv(tmp_path / "a.csv", parse_dates=["when"])
    kept = pd.read_parquet(tmp_path / "a.parquet")
    assert (row_ids(again, problem) == row_ids(kept, problem)).all()


@pytest.mark.parametrize("problem", [PLAIN, NAMED])
def test_a_label_that_comes_late_renames_no_row(rows, problem):
    later = rows.assign(y=rows["y"].where(rows.index > 100))
    assert (row_ids(later, problem) == row_ids(rows, problem)).all()


def test_a_missing_value_elsewhere_makes_whole_numbers_fractions_and_renames_no_other_row(rows):
    small = rows.assign(pieces=np.arange(500))
    odd = small.assign(pieces=small["pieces"].astype(float))
    odd.loc[7, "pieces"] = np.nan
    same = row_ids(small, PLAIN) == row_ids(odd, PLAIN)
    assert np.flatnonzero(~same).tolist() == [7]


def test_equal_rows_are_told_apart(rows):
    twice = pd.concat([rows.head(3)] * 2)
    ids = row_ids(twice, NAMED)
    assert len(set(ids)) == 6
    assert [name.endswith("-1") for name in ids] == [False] * 3 + [True] * 3


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from("ab")), min_size=1), st.randoms())
def test_any_table_in_any_order_has_the_same_ids(cells, random):
    rows = pd.DataFrame(cells, columns=["n", "word"])
    other = list(cells)
    random.shuffle(other)
    shuffled = pd.DataFrame(other, columns=["n", "word"])
    assert sorted(row_ids(rows, PLAIN)) == sorted(row_ids(shuffled, PLAIN))
