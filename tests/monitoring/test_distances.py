"""What is counted in bins agrees with what SciPy finds in the rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from driftune.monitoring import DriftMonitor
from driftune.monitoring.distances import (
    chi_square,
    jensen_shannon,
    kolmogorov_p,
    kolmogorov_smirnov,
    population_stability,
    wasserstein,
)

COUNTS = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)


@given(left=COUNTS, right=COUNTS)
@settings(max_examples=50, deadline=None)
def test_counts_as_scipy(left, right):
    ours, theirs = np.array(left, dtype=float), np.array(right, dtype=float)
    assert jensen_shannon(ours, theirs) == pytest.approx(jensenshannon(left, right, base=2))
    places = np.array([0.0, 1.0, 5.0])
    expected = stats.wasserstein_distance(places, places, left, right)
    assert wasserstein(ours, theirs, places) == pytest.approx(expected)
    some = np.array([left, right])[:, np.array(left) + np.array(right) > 0]
    if some.shape[1] > 1:
        found = stats.chi2_contingency(some, correction=False)
        assert chi_square(ours, theirs) == pytest.approx((found.statistic, found.pvalue))


@given(left=COUNTS, right=COUNTS)
@settings(max_examples=50, deadline=None)
def test_distances_are_symmetric_and_not_negative(left, right):
    ours, theirs = np.array(left, dtype=float), np.array(right, dtype=float)
    for distance in (population_stability, jensen_shannon, kolmogorov_smirnov):
        assert distance(ours, theirs) >= 0
        assert distance(ours, theirs) == pytest.approx(distance(theirs, ours))


@pytest.mark.parametrize("kind", ["normal", "skewed", "far"])
def test_a_report_agrees_with_the_rows(kind):
    rng = np.random.default_rng(0)
    draw = {
        "normal": lambda n: rng.normal(size=n),
        "skewed": lambda n: rng.lognormal(sigma=1.5, size=n),
        "far": lambda n: rng.normal(1e6, 1, size=n),
    }[kind]
    reference, batch = draw(20_000), draw(3000)
    batch = batch + 0.2 * reference.std()
    monitor = DriftMonitor(joint=False).fit(pd.DataFrame({"x": reference}))
    found = monitor.observe(pd.DataFrame({"x": batch})).columns[0]
    ks = stats.ks_2samp(reference, batch, method="asymp")
    assert found.ks == pytest.approx(ks.statistic, abs=0.0101)
    assert found.ks_p == pytest.approx(kolmogorov_p(found.ks, 3000, 20_000))
    distance = stats.wasserstein_distance(reference, batch) / reference.std()
    assert found.wasserstein == pytest.approx(distance, abs=0.02)
