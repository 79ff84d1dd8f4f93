"""Streaming detectors: they ring in the middle of a batch, and need river."""

import doctest
import importlib.util

import numpy as np
import pandas as pd
import pytest

from driftune.errors import MissingPackage
from driftune.monitoring import AdwinMonitor, PageHinkleyMonitor, streaming

WITH_RIVER = importlib.util.find_spec("river") is not None
needs_river = pytest.mark.skipif(not WITH_RIVER, reason="river is not installed")


def test_without_river_the_error_says_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(streaming, "import_module", absent)
    with pytest.raises(MissingPackage, match="pip install"):
        PageHinkleyMonitor()


@needs_river
def test_the_examples_in_the_docstrings():
    """Where river may be absent they are skipped by pytest; here they run."""
    tests = doctest.DocTestFinder().find(streaming)
    runner = doctest.DocTestRunner()
    for test in tests:
        for example in test.examples:
            example.options.pop(doctest.SKIP, None)
        runner.run(test)
    assert runner.summarize(verbose=False).attempted > 10
    assert runner.failures == 0


@needs_river
@pytest.mark.parametrize("kind", [AdwinMonitor, PageHinkleyMonitor])
def test_the_alarm_is_where_the_shift_is_also_across_batches(kind):
    values = np.random.default_rng(0).normal(size=8000) + 1.5 * (np.arange(8000) >= 5700)
    frame = pd.DataFrame({"x": values})
    monitor = kind().fit(frame[:4000])
    rang = [monitor.observe(frame[start : start + 7]).drifted for start in range(4000, 8000, 7)]
    first = 4000 + 7 * rang.index(True)
    assert 5700 <= first < 5800


@needs_river
@pytest.mark.parametrize("kind", [AdwinMonitor, PageHinkleyMonitor])
def test_false_alarms_are_as_rare_as_asked_for(kind):
    rang = 0
    for seed in range(40):
        frame = pd.DataFrame(np.random.default_rng(seed).normal(size=(4000, 3))).add_prefix("x")
        rang += kind(significance=0.1).fit(frame[:2000]).observe(frame[2000:]).drifted
    assert rang <= 8  # 4 expected


@needs_river
def test_missing_values_are_passed_over():
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=4000)})
    frame.loc[::3, "x"] = np.nan
    monitor = PageHinkleyMonitor().fit(frame[:3000])
    assert not monitor.observe(frame[3000:]).drifted
