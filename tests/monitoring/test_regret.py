"""Regret: what retraining would have saved adds up, and noise does not."""

import numpy as np
import pytest

from driftune.monitoring.probes import draw_probes, first_row, plan_probes
from driftune.monitoring.regret import (
    Accumulated,
    Recall,
    Regret,
    accumulate,
    measure_recall,
    measure_regret,
)


def stream(gain, batches, *, seed, pairs=4, rows=300):
    """Regrets of a seeded stream: retrained probes lose ``gain`` less; each pair has its luck."""
    rng = np.random.default_rng(seed)
    lucky = rng.normal(0, 0.02, size=pairs)  # of the rows that a pair learned from: it stays
    for _ in range(batches):
        y = rng.normal(size=rows)
        common = rng.normal(size=rows)
        kept = [y + common + 0.2 * rng.normal(size=rows) for _ in range(pairs)]
        new = [y + (1 - gain + luck) * common + 0.2 * rng.normal(size=rows) for luck in lucky]
        yield measure_regret(y, kept, new, metric="rmse", strategy="all_history")


def test_a_gain_is_measured_per_pair_with_the_error_of_the_rows():
    (found,) = stream(0.1, 1, seed=3, rows=4000)
    assert len(found.gains) == 4
    assert found.gain == pytest.approx(0.1, abs=0.03)
    assert 0 < found.error < 0.02
    assert found.rows == 4000


@pytest.mark.parametrize("certainty", [0.9])
def test_clean_streams_seldom_ring_and_drifted_ones_soon_do(certainty):
    rang = [
        any(
            accumulate(seen[: end + 1]).is_clear(certainty)
            and accumulate(seen[: end + 1]).total > 0.05
            for end in range(len(seen))
        )
        for seen in (list(stream(0.0, 20, seed=seed)) for seed in range(20))
    ]
    assert sum(rang) <= 4  # forty looks each, at 0.9 a look
    for seed in range(5):
        seen = list(stream(0.15, 3, seed=100 + seed))
        assert accumulate(seen).is_clear(certainty)


def test_the_sum_starts_anew_below_zero():
    bad, good = Regret("window", (-0.5,), 0.1, 100), Regret("window", (0.2,), 0.1, 100)
    assert accumulate([bad, bad, good]).total == pytest.approx(0.2)
    assert accumulate([good, good]).batches == 2
    assert accumulate([]) == Accumulated()


def test_luck_that_stays_is_no_evidence():
    """Ten batches in which one lucky pair alone gains say less than ten in which all four do."""
    lucky = [Regret("window", (0.2, 0.0, 0.0, 0.0), 0.001, 500)] * 10
    all_gain = [Regret("window", (0.05, 0.05, 0.05, 0.05), 0.001, 500)] * 10
    assert accumulate(lucky).total == pytest.approx(accumulate(all_gain).total)
    assert not accumulate(lucky).is_clear(0.9)
    assert accumulate(all_gain).is_clear(0.9)


def test_an_earlier_champion_is_compared_on_the_same_rows():
    rng = np.random.default_rng(0)
    y, error = rng.normal(size=1000), rng.normal(size=1000)
    found = measure_recall(y, y + error, y + 0.8 * error, metric="rmse", version=2)
    assert (found.version, found.rows) == (2, 1000)
    assert found.gain == pytest.approx(0.2, abs=0.001)
    assert accumulate([found]).is_clear(0.99)
    worse = Recall(1, -0.2, 0.01, 1000)
    assert accumulate([worse]).total == 0


@pytest.mark.parametrize("strategy", ["all_history", "window"])
def test_probes_share_no_row_and_keep_their_lots(strategy):
    plan = plan_probes(1000, 200)
    before = draw_probes(first_row(strategy, 1000, plan), 1000, plan)
    after = draw_probes(first_row(strategy, 1100, plan), 1100, plan)
    rows = np.concatenate(before)
    assert len(np.unique(rows)) == len(rows) == plan.rows == 800
    shared = len(np.intersect1d(rows, np.concatenate(after))) / len(rows)
    assert shared > 0.75  # newer data change few rows
    assert np.concatenate(after).max() >= 1000
