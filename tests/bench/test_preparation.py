"""The paper's splits, encodings and refusals."""

import numpy as np
import pandas as pd
import pytest

from driftune.bench import Table, find_tables, prepare
from driftune.bench.preparation import cut_folds
from driftune.bench.recipes import PAPER, Recipe
from driftune.errors import DataError


def test_a_fifth_is_held_out_and_no_row_is_in_two_places(make_task):
    task = make_task()
    assert (len(task.y_train), len(task.y_test)) == (96, 24)
    validated = np.concatenate([valid for _, valid in task.folds])
    assert sorted(validated) == list(range(96))
    assert all(not set(train) & set(valid) for train, valid in task.folds)


def test_the_same_table_gives_the_same_splits_and_another_target_another_fingerprint(make_task):
    assert make_task().fingerprint == make_task().fingerprint
    assert make_task().fingerprint != make_task("grade").fingerprint
    assert make_task().fingerprint != make_task(in_order=True).fingerprint


def test_classes_are_told_from_text_and_numbers_from_numbers(make_task):
    assert make_task("grade").task == "classification"
    assert set(make_task("grade").y_train) == {0, 1}
    assert make_task("price").task == "regression"


def test_stratified_folds_keep_the_class_shares(make_task):
    task = make_task("grade")
    shares = [task.y_train[valid].mean() for _, valid in task.folds]
    assert max(shares) - min(shares) < 0.06


def test_ordered_rows_are_tested_on_the_last_and_validated_forward(make_task, frame):
    task = make_task(in_order=True)
    assert list(task.y_test) == pytest.approx(list(frame["price"][-24:]))
    assert all(train.max() < valid.min() for train, valid in task.folds)


def test_text_becomes_categories_and_names_disappear(make_task):
    task = make_task()
    assert list(task.X_train) == ["c0", "c1", "c2", "c3"]
    assert task.has_categories
    assert not make_task(drop=("colour", "grade")).has_categories
    assert "price" not in task.describe()


def test_features_are_cut_and_rows_drawn(make_task):
    task = make_task(first_columns=2, rows=60)
    assert task.X_train.shape == (48, 2)


def test_days_stay_together_in_groups():
    days = np.repeat(np.arange(150), 3)
    folds = cut_folds(np.zeros(450), "regression", Recipe(target="y", group="d"), days)
    assert [(len(a), len(b)) for a, b in folds] == [(30, 84)] * 5
    assert [days[valid].min() for _, valid in folds] == [10, 38, 66, 94, 122]
    assert all(days[train].max() == days[valid].min() - 1 for train, valid in folds)


def test_the_papers_m5_recipe_runs_on_a_table_of_its_shape(tmp_path):
    rng = np.random.default_rng(0)
    days = 5040 // 14 + 150
    frame = pd.DataFrame(
        {"date": np.repeat(np.arange(days), 14), "sales": rng.poisson(3, days * 14)}
    )
    for name in PAPER["m5"].categorical:
        frame[name] = rng.integers(3, size=len(frame))
    frame["lag"], frame["id"], frame["d"] = frame["sales"].shift(14), "x", frame["date"]
    frame.to_csv(tmp_path / "m5.csv", index=False)
    task = prepare(find_tables([tmp_path / "m5.csv"])[0])
    assert len(task.y_test) == 5040
    assert task.X_train.shape == (150 * 14, 6)
    assert len(task.folds) == 5


@pytest.mark.parametrize(
    ("target", "settings", "words"),
    [
        ("prise", {}, ["prise", "'price'"]),
        ("grade", {"task": "regression"}, ["'grade'", "classification"]),
        ("price", {"task": "classification"}, ["120 classes", "regression"]),
        ("price", {"categorical": ("color",)}, ["'color'", "'colour'"]),
        ("price", {"drop": ("color",)}, ["'color'", "'colour'"]),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(make_task, target, settings, words):
    with pytest.raises(DataError) as refusal:
        make_task(target, **settings)
    assert all(word in str(refusal.value) for word in words)


def test_a_class_too_rare_for_the_folds_is_refused(frame, tmp_path):
    frame.loc[:2, "grade"] = "odd"
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match="rare"):
        prepare(Table("t", Recipe(target="grade"), tmp_path / "t.csv"))


def test_rows_without_a_target_are_left_out(frame, tmp_path):
    frame.loc[:19, "price"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    task = prepare(Table("t", Recipe(target="price"), tmp_path / "t.csv"))
    assert len(task.y_train) + len(task.y_test) == 100


def test_odd_numbers_become_floats_or_missing(frame, tmp_path):
    frame["whole"] = pd.array([None, *range(119)], dtype="Int64")
    frame["flag"] = pd.array([None, True, False] * 40, dtype="boolean")
    frame["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(120), unit="D")
    frame.loc[3, "b"] = np.inf
    frame.to_parquet(tmp_path / "t.parquet")
    task = prepare(Table("t", Recipe(target="price", in_order=True), tmp_path / "t.parquet"))
    numbers = task.X_train.drop(columns=["c2", "c3"])  # colour and grade
    assert set(numbers.dtypes) == {np.dtype(float)}
    assert not np.isinf(numbers.to_numpy()).any()
    assert numbers.isna().sum().tolist() == [0, 1, 1, 32, 0]


def test_an_infinite_target_is_refused(frame, tmp_path):
    frame.loc[3, "price"] = np.inf
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="infinite"):
        prepare(Table("t", Recipe(target="price"), tmp_path / "t.parquet"))
