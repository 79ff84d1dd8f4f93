"""Tables that cannot be used are refused with one sentence that names the culprit."""

import numpy as np
import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.tuning import prepare, read_table


def problem(**changes):
    return Problem(**{"name": "p", "target": "y", "metric": "rmse"} | changes)


def frame(**columns):
    n = 20
    base = {"a": np.arange(n, dtype=float), "c": ["u", "v"] * 10, "y": np.arange(n) % 7}
    return pd.DataFrame(base | columns)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_reads_both_kinds_of_file(tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    frame().to_csv(path, index=False) if suffix == "csv" else frame().to_parquet(path)
    assert read_table(path).shape == (20, 3)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.csv", None, "no file"),
        ("rows.xlsx", "x", "'.xlsx'"),
        ("rows.csv", "", "no rows"),
        ("rows.csv", "a,b\n", "no rows"),
        ("rows.csv", 'a,b\n1,2\n1,2,3,4\n"', "cannot be read"),
        ("rows.csv", "a,b,a\n1,2,3\n", "two columns called 'a'"),
        ("rows.csv", '\ufeff"a b",x,"a b"\n1,2,3\n', "two columns called 'a b'"),
        ("rows.parquet", "not parquet", "cannot be read"),
    ],
)
def test_an_unreadable_file_is_one_sentence_naming_it(tmp_path, name, content, told):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError) as refusal:
        read_table(path)
    message = str(refusal.value)
    assert told in message
    assert str(path) in message
    assert "\n" not in message


MIXED = [str(i) for i in range(17)] + ["n/k", "18", None]


@pytest.mark.parametrize(
    ("table", "changes", "told"),
    [
        (frame(), {"target": "yy"}, ["'yy'", "`target`", "Did you mean 'y'"]),
        (frame(), {"time": "when"}, ["'when'", "`time`"]),
        (frame(), {"drop": ["d"]}, ["'d'", "`drop`"]),
        (frame(y=np.nan), {}, ["'y'", "missing"]),
        (frame(y=3.0), {}, ["'y'", "same value"]),
        (frame(y=["no", "yes"] * 10), {}, ["'y'", "not numeric", "'no'"]),
        (frame(y=[1.0, np.inf] * 10), {}, ["'y'", "infinite", "row 2"]),
        (frame(y=MIXED), {}, ["target 'y'", "'n/k'", "row 18", "1 of 19"]),
        (frame(y=MIXED, t=range(20, 0, -1)), {"time": "t"}, ["target 'y'", "row 18"]),
        (frame(), {"drop": ["y"]}, ["target 'y'", "`drop`"]),
        (frame(), {"ids": ["y"]}, ["target 'y'", "`ids`"]),
        (frame(t=[1.0, 2.5] * 10), {"time": "t"}, ["'t'", "2.5", "row 2", "dates"]),
        (frame(y=["no", "yes", "?", "no"] * 5), {"metric": "roc_auc"}, ["'y'", "3 classes"]),
        (frame(b=None), {}, ["'b'", "empty", "`drop`"]),
        (frame(b=pd.date_range("2020", periods=20)), {}, ["'b'", "dates", "`drop`"]),
        (frame(b=MIXED), {}, ["'b'", "'n/k'", "row 18", "1 of 19", "`drop`"]),
        (frame(b=[*map(str, range(19)), "noon"]), {"time": "b"}, ["'b'", "row 1 "]),
        (frame()[["y"]], {}, ["No feature"]),
        (pd.concat([frame(), frame()[["a"]]], axis=1), {}, ["'a'", "two columns"]),
    ],
)
def test_an_unusable_column_is_one_sentence_naming_it(table, changes, told):
    with pytest.raises(DataError) as refusal:
        prepare(problem(**changes), table)
    message = str(refusal.value)
    assert "\n" not in message
    for part in told:
        assert part in message


def test_columns_without_a_name_and_a_suffix_of_the_user_are_fine(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("x,x.1,,\n1,2,3,4\n")
    assert list(read_table(path).columns)[:2] == ["x", "x.1"]


def test_whole_numbers_may_be_a_time_although_pandas_holds_them_as_floats():
    prepared = prepare(problem(time="t"), frame(t=np.arange(20.0, 0, -1)))
    assert prepared.time is not None
    assert prepared.time.tolist() == list(range(1, 21))


def test_the_rows_left_out_are_told(caplog):
    prepare(problem(), frame())
    assert not caplog.records
    prepare(problem(), frame(y=[None, None, *range(18)]))
    assert "2 rows without a target" in caplog.text


def test_a_category_of_numbers_and_text_is_taken_as_text():
    table = frame(b=pd.Series(MIXED, dtype="category"))
    assert prepare(problem(), table).categorical == ("c", "b")


def test_rows_are_sorted_by_time_and_unlabelled_ones_left_out():
    time = pd.date_range("2020", periods=20).astype(str)[::-1]
    table = frame(t=time, y=[np.nan, *range(19)], key=range(20), bad=[True, False] * 10)
    before = table.copy()
    prepared = prepare(problem(time="t", ids=["key"]), table)
    assert prepared.feature_names == ("a", "c", "bad")
    assert prepared.numeric == ("a", "bad")
    assert prepared.unlabelled == 1
    assert prepared.time is not None
    assert prepared.time.is_monotonic_increasing
    assert prepared.y.tolist() == list(range(18, -1, -1))
    assert prepared.X["a"].tolist() == list(range(19, 0, -1))
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [1, 2]])
def test_the_second_label_in_order_is_the_positive_class(labels):
    prepared = prepare(problem(metric="roc_auc"), frame(y=labels[::-1] * 10))
    assert prepared.classes is not None
    assert prepared.classes.tolist() == labels
    assert prepared.y.tolist() == [1, 0] * 10
