"""Every exported detector keeps the same promises."""

import dataclasses
import importlib.util
import inspect
import json

import numpy as np
import pandas as pd
import pytest

import driftune.monitoring
from driftune.errors import DataError, UsageError
from driftune.monitoring import Detector

NEEDS_RIVER = {"AdwinMonitor", "PageHinkleyMonitor"}


def _detectors():
    for name in driftune.monitoring.__all__:
        kind = getattr(driftune.monitoring, name)
        takes = inspect.signature(kind.fit).parameters if hasattr(kind, "fit") else ()
        if kind is Detector or "reference" not in takes or not hasattr(kind, "observe"):
            continue
        absent = name in NEEDS_RIVER and importlib.util.find_spec("river") is None
        skip = pytest.mark.skip(reason="river is not installed")
        yield pytest.param(kind, id=name, marks=[skip] if absent else [])


def table(seed, n, shift=0.0):
    return pd.DataFrame(np.random.default_rng(seed).normal(shift, 1, size=(n, 3))).add_prefix("x")


@pytest.mark.parametrize("kind", list(_detectors()))
def test_a_detector_rings_for_a_shift_and_for_nothing_else(kind):
    detector = kind()
    assert isinstance(detector, Detector)
    assert detector.fit(table(0, 4000)) is detector
    clean = detector.observe(table(1, 1000), batch="clean")
    shifted = detector.observe(table(2, 1000, shift=1.0), batch="shifted")
    assert (clean.drifted, clean.alarms, shifted.drifted) == (False, (), True)
    assert set(shifted.alarms) == {"x0", "x1", "x2"}
    assert (clean.batch, clean.rows, clean.status) == ("clean", 1000, "ok")
    assert "x0" in shifted.reason
    json.dumps(dataclasses.asdict(shifted), allow_nan=False)


@pytest.mark.parametrize("kind", list(_detectors()))
def test_too_little_is_a_state_and_what_cannot_be_an_error(kind):
    with pytest.raises(UsageError):
        kind().observe(table(0, 1000))
    with pytest.raises(DataError):
        kind().fit(table(0, 10))
    for wrong in ({"significance": 2.0}, {"effect": 0.0}):
        with pytest.raises(UsageError):
            kind(**wrong)
    detector = kind().fit(table(0, 2000))
    small = detector.observe(table(1, 2, shift=9.0))
    assert (small.status, small.drifted) == ("insufficient_data", False)
    with pytest.raises(DataError, match="x1"):
        detector.observe(table(1, 500).drop(columns="x1"))
    with pytest.raises(DataError, match="x1"):
        detector.observe(table(1, 500).assign(x1="text"))


@pytest.mark.parametrize("kind", list(_detectors()))
def test_a_second_fit_forgets_the_first(kind):
    detector = kind().fit(table(0, 4000, shift=5.0)).fit(table(0, 4000))
    assert not detector.observe(table(1, 1000)).drifted
