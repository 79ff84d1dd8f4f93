"""Rungs of rows: nested, stratified, recent first, and only where they pay."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.scaling.advise.rungs import ETA, FEWEST_OF_A_CLASS, WORTHWHILE
from driftune.tuning.ladder import BREAK_EVEN, Ladder, choose_parts
from driftune.tuning.splitters import forward_chaining, kfold
from driftune.tuning.subsets import FEWEST_VALIDATION_ROWS, rank_rows


def build(folds, classes=None, **settings):
    chosen = {"recent": False, "forced": True, "seed": 0} | settings
    return Ladder.build(folds, classes, **chosen)


def test_each_rung_is_part_of_the_next_and_validates_alike():
    folds = kfold(np.arange(4000.0), 3, stratified=False, seed=0)
    ladder = build(folds)
    assert len(ladder.rungs) == 2
    for number, fold in enumerate(folds):
        few, all_rows = (ladder.folds[rung.folds[number]] for rung in ladder.rungs)
        assert all_rows is fold
        assert len(few.train) == len(fold.train) // ETA
        assert set(few.train) < set(fold.train)
        assert np.all(np.diff(few.train) > 0)
        assert np.array_equal(few.valid, fold.valid)


def test_a_time_column_prefers_the_newest_rows_and_keeps_some_old_ones():
    ladder = build(forward_chaining(4000, 3), recent=True)
    for few, fold in zip(ladder.folds[:3], ladder.folds[3:], strict=True):
        age = np.searchsorted(fold.train, few.train) / len(fold.train)
        assert 0.6 < age.mean() < 0.75
        assert 0.03 < np.mean(age < 0.25) < 0.15
        assert np.mean(age > 0.75) > 0.4


def test_a_sample_comes_from_everywhere():
    fold = build(kfold(np.arange(4000.0), 3, stratified=False, seed=0)).folds[0]
    assert abs(np.mean(fold.train) - 2000) < 100


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=200).map(np.array),
    st.integers(0, 5),
)
def test_every_beginning_of_the_order_is_stratified(classes, seed):
    ranked = rank_rows(np.arange(len(classes)), classes, np.random.default_rng(seed))
    assert sorted(ranked) == list(range(len(classes)))
    present, sizes = np.unique(classes, return_counts=True)
    for end in range(1, len(ranked) + 1):
        counts = np.array([(classes[ranked[:end]] == c).sum() for c in present])
        wanted = sizes * end / len(classes)
        assert np.all(np.abs(counts - wanted) < len(present))
        if end >= len(present):
            assert np.all(counts > 0)


def test_a_lower_rung_validates_on_no_more_rows_than_it_trains_on():
    folds = forward_chaining(400_000, 3)
    ladder = build(folds, recent=True)
    low, middle = ladder.folds[:3], ladder.folds[3:6]
    for few, more, fold in zip(low, middle, folds, strict=True):
        for cut in (few, more):
            size = max(len(cut.train), FEWEST_VALIDATION_ROWS)
            assert len(cut.valid) == min(size, len(fold.valid))
        assert set(few.valid) < set(more.valid) <= set(fold.valid)
    assert ladder.folds[-3:] == folds


def test_rungs_only_where_they_pay():
    assert choose_parts(WORTHWHILE * BREAK_EVEN - 1) == [1]
    assert choose_parts(WORTHWHILE * BREAK_EVEN)[0] >= ETA


@given(st.integers(60, 10_000_000), st.floats(0.0001, 0.5), st.booleans())
def test_the_lowest_rung_holds_enough_of_the_rarest_class(rows, rarest, forced):
    parts = choose_parts(rows, rarest, forced=forced)
    assert parts[-1] == 1
    assert all(low == ETA * high for low, high in itertools.pairwise(parts))
    if len(parts) > 1 + forced:
        assert rows // parts[0] * rarest >= FEWEST_OF_A_CLASS * 0.99


def test_a_rung_of_hardly_any_rows_is_refused():
    with pytest.raises(UsageError, match=r"tuning\.pruning"):
        choose_parts(40, forced=True)


def test_steps_are_what_successive_halving_expects():
    ladder = build(kfold(np.arange(200_003.0), 3, stratified=False, seed=0))
    rows = [rung.rows for rung in ladder.rungs]
    assert len(rows) == 3
    for level, step in enumerate(rows):
        assert rows[0] * ETA**level <= step < rows[0] * ETA ** (level + 1)
