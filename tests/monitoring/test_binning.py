"""Numbers are binned by a table of keys; where that is too coarse, by their edges."""

import numpy as np
import pandas as pd
import pytest

from driftune.monitoring.binning import learn_bins

RNG = np.random.default_rng(0)
COLUMNS = {
    "normal": RNG.normal(size=20_000),
    "heavy": RNG.standard_cauchy(size=20_000),
    "seconds": 1.38e9 + RNG.integers(0, 3_000_000, size=20_000),
    "minutes": RNG.integers(0, 1440, size=20_000),
    "zeros": np.where(RNG.random(20_000) < 0.6, 0.0, RNG.exponential(size=20_000)),
    "two clusters": np.where(RNG.random(20_000) < 0.5, 0.0, 1e6) + RNG.normal(size=20_000),
    "tiny": RNG.normal(size=20_000) * 1e-30,
}


@pytest.mark.parametrize("name", COLUMNS)
def test_bins_are_as_even_as_the_column_allows(name):
    column = pd.Series(COLUMNS[name], name=name)
    bins = learn_bins(column, 10)
    counts = np.bincount(bins.read(column).codes, minlength=bins.size)
    exact = np.bincount(np.searchsorted(bins.edges, COLUMNS[name], side="right"))
    assert counts[-1] == 0
    assert np.abs(np.cumsum(counts[:-1] - exact)).max() <= 0.005 * len(column)
    assert np.diff(bins.starts).min() > 0


def test_a_column_too_fine_for_keys_is_searched():
    assert not learn_bins(pd.Series(COLUMNS["two clusters"]), 10).by_key
    assert learn_bins(pd.Series(COLUMNS["normal"]), 10).by_key


def test_missing_and_infinite_values_have_their_places():
    bins = learn_bins(pd.Series(COLUMNS["normal"]), 10)
    read = bins.read(pd.Series([np.nan, -np.inf, np.inf, 1e300, 0.0], name="x"))
    last = bins.size - 1
    assert read.codes.tolist()[:4] == [last, 0, last - 1, last - 1]
    assert read.unseen == 3 / 5


def test_levels_are_read_alike_from_categories_and_objects():
    levels = pd.Series(["b", "a", None, "new", "a"])
    bins = learn_bins(pd.Series(["a"] * 3 + ["b"] * 2), 10)
    for column in (levels, levels.astype("category"), levels.astype(object)):
        read = bins.read(column)
        assert read.codes.tolist() == [1, 0, 3, 2, 0]
        assert read.unseen == 1 / 5
