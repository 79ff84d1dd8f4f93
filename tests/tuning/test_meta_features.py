"""Meta-features: finite, free of units, and near where the data is."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from driftune.problem import Problem
from driftune.sampler.experience import distance
from driftune.tuning import prepare
from driftune.tuning.meta_features import meta_features


def measure(target, metric="rmse", **columns):
    frame = pd.DataFrame({"y": target, "a": np.arange(len(target)), **columns})
    return meta_features(prepare(Problem(name="p", target="y", metric=metric), frame))


@given(arrays(float, st.integers(2, 30), elements=st.floats(-1e300, 1e300)).filter(np.ptp))
def test_they_are_finite_whatever_the_target(target):
    assert all(map(math.isfinite, measure(target).values()))


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.8, 32.0)])
def test_the_unit_of_the_target_does_not_matter(scale, shift):
    target = np.random.default_rng(0).gamma(2.0, size=200)
    assert distance(measure(target), measure(target * scale + shift)) == pytest.approx(0, abs=1e-6)


def test_one_unit_is_ten_times_the_rows():
    target = np.random.default_rng(0).normal(size=10_000)
    few, many = measure(target[:1000]), measure(target)
    assert many["log_rows"] - few["log_rows"] == pytest.approx(1.0)
    assert distance(few, many) == pytest.approx(1.0, abs=0.2)


def test_categories_and_holes_are_counted():
    hole = measure([1.0, 2.0, 3.0, 4.0], c=["x", None, "y", "x"])
    assert hole["categorical_share"] == 0.5
    assert hole["missing_share"] == pytest.approx(1 / 8)


def test_a_skewed_target_is_nearer_to_a_skewed_one_than_to_a_symmetric_one():
    draw = np.random.default_rng(1)
    long, longer = (draw.lognormal(sigma=sigma, size=2000) for sigma in (1.0, 1.2))
    even = draw.normal(size=2000)
    assert distance(measure(long), measure(longer)) < distance(measure(long), measure(even))


def test_balance_tells_classifications_apart_and_regressions_are_another_kind():
    even = measure([0, 1] * 50, "log_loss")
    rare = measure([0] * 95 + [1] * 5, "log_loss")
    assert even["class_entropy"] == pytest.approx(1.0)
    assert rare["class_entropy"] == pytest.approx(0.286, abs=0.001)
    assert distance(even, rare) == pytest.approx(1 - 0.286, abs=0.001)
    assert distance(even, measure([0.0, 1.0] * 50)) == math.inf
