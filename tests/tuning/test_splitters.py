"""Folds: never a row of the future in training, never a row on both sides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.tuning import prepare
from driftune.tuning.splitters import folds_for, forward_chaining, kfold


@settings(deadline=None)  # the first call imports scikit-learn
@given(st.integers(30, 500), st.integers(2, 8), st.integers(0, 5))
def test_forward_chaining_never_trains_on_later_rows(n_rows, n_folds, gap):
    folds = forward_chaining(n_rows, n_folds, gap=gap)
    assert len(folds) == n_folds
    for fold in folds:
        assert fold.train.max() + gap < fold.valid.min()
        assert fold.train.min() == 0
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
