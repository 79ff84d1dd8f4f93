"""R18, drift: over 500 clean windows the monitor rings at most as often as it was configured to."""

import numpy as np
import pandas as pd
import pytest

from driftune.monitoring import DriftMonitor

WINDOWS, REFERENCES, ROWS = 500, 5, 250
KNOWN = 8000
MEMORY = 150  # rows that the weather remembers


def draw_clean(seed):
    """A stream like the demo's: quiet and skewed numbers, levels, weather that wanders, a gap."""
    rng = np.random.default_rng(seed)
    n = KNOWN + WINDOWS // REFERENCES * ROWS
    kernel = np.ones(MEMORY) / np.sqrt(MEMORY)
    weather = [np.convolve(rng.normal(size=n), kernel, "same") for _ in range(2)]
    frame = pd.DataFrame(
        {
            "seats": rng.normal(150, 40, size=n),
            "distance": rng.lognormal(7, 0.7, size=n),
            "carrier": pd.Categorical(
                rng.choice(list("ABCDEF"), size=n, p=np.array([8, 5, 4, 2, 1, 1]) / 21)
            ),
            "hour": np.arange(n) % 24,
            "temp": 10 * weather[0],
            "wind": np.exp(weather[1]),
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 30, size=n)),
        }
    )
    return frame, 0.1 * frame["distance"] + frame["temp"] + rng.normal(size=n)


def count_rings(**settings):
    rang = windows = 0
    for seed in range(REFERENCES):
        frame, prediction = draw_clean(seed)
        monitor = DriftMonitor(**settings).fit(frame[:KNOWN], prediction=prediction[:KNOWN])
        for start in range(KNOWN, len(frame), ROWS):
            batch, predicted = frame[start : start + ROWS], prediction[start : start + ROWS]
            rang += monitor.observe(batch, prediction=predicted).drifted
            windows += 1
    assert windows == WINDOWS
    return rang


@pytest.mark.slow
def test_clean_windows_ring_at_most_as_configured():
    """500 windows with the classifier take half a minute."""
    assert count_rings() <= 0.05 * WINDOWS


@pytest.mark.slow
def test_the_calibration_alone_holds_the_rate():
    """Hardly any effect is asked for, so that significance alone keeps it quiet; 500 windows."""
    assert count_rings(effect=0.01, significance=0.1, joint=False) <= 0.1 * WINDOWS


@pytest.mark.slow
def test_a_monitor_that_believes_rows_to_be_independent_would_ring():
    """The same windows, judged by limits of shuffled rows: why the calibration is in blocks."""
    frame, _ = draw_clean(0)
    shuffled = frame[:KNOWN].sample(frac=1, random_state=0)
    monitor = DriftMonitor(joint=False).fit(shuffled)
    starts = range(KNOWN, len(frame), ROWS)
    rang = sum(monitor.observe(frame[start : start + ROWS]).drifted for start in starts)
    assert rang > 0.5 * len(starts)
