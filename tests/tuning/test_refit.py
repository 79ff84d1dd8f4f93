"""The final model: raw rows in, predictions in the metric's shape out, whatever is in them."""

import subprocess
import sys

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.tuning import Budget, predict, refit, tune

SPACE = {"num_leaves": {"type": "int", "low": 4, "high": 16}}


def shops(n=600):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "day": pd.date_range("2020", periods=n),
            "size": rng.normal(size=n),
            "open": rng.random(n) < 0.5,
            "city": rng.choice(["a", "b", "c", "d"], n),
            "kind": pd.Series(rng.choice(["x", "y"], n), dtype="category"),
            "staff": pd.array(rng.integers(1, 9, n), dtype="Int64"),
        }
    )
    effect = table["city"].map({"a": 0, "b": 5, "c": -5, "d": 2}).astype(float)
    table["sales"] = effect + table["size"] + 3 * table["open"] + rng.normal(scale=0.1, size=n)
    table.loc[::17, "city"] = None
    table.loc[::13, "staff"] = pd.NA
    return Problem(name="shops", target="sales", metric="rmse", time="day"), table


@pytest.fixture(scope="module")
def fitted():
    problem, table = shops()
    result = tune(problem, table, space=SPACE, budget=Budget(max_trials=2), n_jobs=1)
    return problem, table, refit(problem, table, result, n_jobs=1)


def test_predicts_each_task_in_its_shape(case):
    problem, data = case
    result = tune(problem, data, space=SPACE, budget=Budget(max_trials=1), n_jobs=1)
    model = refit(problem, data, result, n_jobs=1)
    prediction = predict(model, data, problem.task)
    shape = (len(data), 3) if problem.task == "multiclass" else (len(data),)
    assert prediction.shape == shape
    score = problem.metric_object.loss(data["target"], prediction)
    untrained = problem.metric_object.loss(data["target"], np.roll(prediction, 50, axis=0))
    assert score < untrained / 2


def test_categories_are_learned_and_unseen_or_missing_ones_accepted(fitted):
    problem, table, model = fitted
    rows = table.iloc[[1, 2, 3]].assign(city=["b", "c", "nowhere"], size=0.0, open=False)
    b, c, nowhere = predict(model, rows, problem.task)
    assert b - c > 5
    missing = rows.assign(city=None, staff=pd.NA, size=np.nan, kind=None)
    assert np.isfinite(predict(model, missing, problem.task)).all()
    assert np.isfinite(nowhere)


def test_text_where_a_number_belongs_names_the_column(fitted):
    problem, table, model = fitted
    with pytest.raises(DataError, match=r"'size'.*'large'"):
        predict(model, table.iloc[:2].assign(size=["large", None]), problem.task)


def test_column_order_and_extra_columns_do_not_matter(fitted):
    problem, table, model = fitted
    shuffled = table[table.columns[::-1]].assign(extra=1)
    np.testing.assert_array_equal(
        predict(model, table, problem.task), predict(model, shuffled, problem.task)
    )


def test_a_file_and_memory_give_the_same_predictions(fitted, tmp_path):
    problem, table, model = fitted
    table.to_csv(tmp_path / "rows.csv", index=False)
    read = pd.read_csv(tmp_path / "rows.csv")
    np.testing.assert_allclose(
        predict(model, read, problem.task), predict(model, table, problem.task)
    )


def test_the_model_survives_pickling(fitted):
    problem, table, model = fitted
    copy = cloudpickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(
        predict(copy, table, problem.task), predict(model, table, problem.task)
    )


def test_labels_come_back_as_they_stand_in_the_table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=200)})
    table["late"] = np.where(table["a"] > 0, "yes", "no")
    problem = Problem(name="late", target="late", metric="roc_auc")
    result = tune(problem, table, space=SPACE, budget=Budget(max_trials=1), n_jobs=1)
    model = refit(problem, table, result, n_jobs=1)
    assert set(model.predict(table)) == {"no", "yes"}
    probability = predict(model, table, problem.task)
    assert probability[table["late"] == "yes"].min() > probability[table["late"] == "no"].max()


def test_importing_the_package_is_cheap():
    code = (
        "import sys, driftune.tuning as t; t.Budget();"
        "assert not {'lightgbm', 'sklearn', 'pandas', 'optuna'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
