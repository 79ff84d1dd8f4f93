"""The block bootstrap keeps what neighbours share, and costs little."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import DataError, UsageError
from driftune.resampling import (
    BlockDraws,
    block_indices,
    block_length,
    bootstrap_interval,
    percentile_interval,
)


def autoregression(n, rng, memory=0.8):
    noise = rng.normal(size=n)
    values = np.empty(n)
    values[0] = noise[0] / np.sqrt(1 - memory**2)
    for row in range(1, n):
        values[row] = memory * values[row - 1] + noise[row]
    return values


@given(n=st.integers(1, 60), length=st.integers(1, 80), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_blocks_are_runs_of_neighbours_and_wrap(n, length, seed):
    rows = block_indices(n, rng=np.random.default_rng(seed), n_resamples=2, block_length=length)
    assert rows.shape == (2, n)
    jumps = np.flatnonzero((rows[0, :-1] + 1) % n != rows[0, 1:]) + 1
    assert all(jump % min(length, n) == 0 for jump in jumps)


@given(n=st.integers(1, 50), length=st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_means_and_weights_come_from_the_same_draws(n, length):
    values = np.random.default_rng(n).normal(size=n)
    draws = BlockDraws(n, seed=length, n_resamples=7, block_length=length)
    weights = np.concatenate(list(draws.weights()))
    assert weights.sum(axis=1) == pytest.approx(n)
    assert weights @ values / n == pytest.approx(draws.means(values))


def test_means_and_weights_agree_when_they_are_made_in_pieces():
    values = np.random.default_rng(0).normal(size=300_001)
    draws = BlockDraws(len(values), n_resamples=8)
    pieces = list(draws.weights())
    assert len(pieces) > 1
    assert np.concatenate(pieces) @ values / len(values) == pytest.approx(draws.means(values))


def test_every_row_has_the_same_chance():
    rows = block_indices(30, rng=np.random.default_rng(0), n_resamples=4000, block_length=7)
    counts = np.bincount(rows.ravel(), minlength=30)
    assert counts.min() > 3600
    assert counts.max() < 4400


def test_the_interval_covers_the_mean_of_an_autocorrelated_series():
    """Single-row draws cover 0 in about half of the series; blocks in most."""
    rng = np.random.default_rng(3)
    covered = {"blocks": 0, "rows": 0}
    for _ in range(60):
        values = autoregression(500, rng)
        for name, length in (("blocks", block_length(values)), ("rows", 1)):
            draws = BlockDraws(500, n_resamples=300, block_length=length)
            interval = percentile_interval(draws.means(values), float(values.mean()))
            covered[name] += interval.low <= 0 <= interval.high
    assert covered["rows"] < 45
    assert covered["blocks"] > 48


def test_the_block_length_grows_with_memory():
    rng = np.random.default_rng(0)
    assert block_length(rng.normal(size=4000)) == block_length(4000) == 16
    assert block_length(autoregression(4000, rng, memory=0.95)) > 40
    assert block_length(np.ones(4000)) == 16
    assert [block_length(np.arange(float(n))) for n in (1, 2, 7)] == [1, 2, 2]


def test_a_general_statistic_agrees_with_the_quick_means():
    values = np.random.default_rng(1).exponential(size=400)
    slow = bootstrap_interval(lambda rows: float(values[rows].mean()), 400, seed=2)
    quick = percentile_interval(BlockDraws(400, seed=3).means(values), float(values.mean()))
    assert (slow.low, slow.value, slow.high) == pytest.approx(
        (quick.low, quick.value, quick.high), rel=0.03
    )


def test_a_million_rows_take_about_a_second():
    values = np.random.default_rng(0).normal(size=1_000_000)
    begin = time.process_time()
    BlockDraws(len(values), n_resamples=1000).means(values)
    assert time.process_time() - begin < 3


def test_a_mostly_undefined_statistic_is_a_data_error():
    with pytest.raises(DataError):
        percentile_interval(np.array([1.0, np.nan, np.nan]), 1.0)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 5, "block_length": 0}])
def test_empty_draws_are_refused(wrong):
    with pytest.raises(UsageError):
        BlockDraws(**wrong)
