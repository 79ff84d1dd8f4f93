"""What a registered model cannot read is said in a sentence."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.scoring import score

PROBLEM = Problem(name="p", target="y", metric="rmse", time="t")


@pytest.fixture
def rows():
    return pd.DataFrame({"t": [3, 1, 2], "x": [3.0, 1.0, 2.0], "y": [6.0, np.nan, 4.0]})


@pytest.fixture
def model(rows):
    return LinearRegression().fit(rows[["x"]], 2 * rows["x"])


def test_labels_and_predictions_come_in_time_order(model, rows):
    labels, predictions = score(model, PROBLEM, rows.assign(extra="not of the model"))
    np.testing.assert_array_equal(labels, [np.nan, 4, 6])
    np.testing.assert_allclose(predictions, [2, 4, 6])


def test_no_rows_are_refused(model, rows):
    with pytest.raises(DataError, match="no rows"):
        score(model, PROBLEM, rows.head(0))


@pytest.mark.parametrize("column", ["t", "x", "y"])
def test_a_missing_column_is_named(model, rows, column):
    with pytest.raises(DataError, match=f"no column '{column}'"):
        score(model, PROBLEM, rows.drop(columns=column))
