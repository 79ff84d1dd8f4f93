"""Drift alarms ring for drift, not for noise, slow columns, or small shifts of large tables."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import DataError, UsageError
from driftune.monitoring import DriftMonitor


def table(seed, n, columns=5, shift=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        rng.normal(shift, 1, size=(n, columns)), columns=[f"x{i}" for i in range(columns)]
    )
    frame["carrier"] = rng.choice(["UA", "B6", "DL", None], size=n, p=[0.5, 0.3, 0.1, 0.1])
    return frame


@given(seed=st.integers(0, 10_000), missing=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_drift_of_a_sample_with_itself_is_zero(seed, missing):
    frame = table(seed, 1000, columns=2)
    frame["x0"] = frame["x0"].where(np.random.default_rng(seed).random(1000) > missing)
    report = DriftMonitor(joint=False).fit(frame).observe(frame)
    assert [column.psi for column in report.columns] == [0, 0, 0]
    assert [column.jensen_shannon for column in report.columns] == [0, 0, 0]
    assert [column.ks for column in report.columns] == [0, 0, None]
    assert [column.wasserstein for column in report.columns[:2]] == pytest.approx([0, 0])
    assert not report.drifted


def test_clean_windows_of_twenty_columns_stay_quiet():
    """Kolmogorov-Smirnov at .05 per column would ring in about two of three of these windows."""
    monitor = DriftMonitor().fit(table(0, 10_000, columns=20))
    rang = sum(monitor.observe(table(seed, 300, columns=20)).drifted for seed in range(1, 16))
    assert rang <= 2


def test_slow_columns_stay_quiet_where_a_fixed_limit_rings():
    """A column with a memory of weeks, as weather has: PSI above 0.2 in most clean windows."""
    rng = np.random.default_rng(1)
    slow = np.convolve(rng.normal(size=40_000), np.ones(300) / 300, mode="same") * 17
    frame = pd.DataFrame({"temperature": slow})
    monitor = DriftMonitor().fit(frame[:20_000])
    reports = [monitor.observe(frame[s : s + 500]) for s in range(20_000, 40_000, 500)]
    assert sum(report.columns[0].psi > 0.2 for report in reports) > 35
    assert sum(bool(report.alarms) for report in reports) <= 3


def test_a_shift_rings_for_its_column_alone():
    monitor = DriftMonitor().fit(table(0, 5000))
    batch = table(1, 500)
    batch["x3"] += 0.8
    assert monitor.observe(batch).alarms == ("x3",)


@pytest.mark.parametrize("shift", [0.03, 0.25])
def test_a_sure_but_small_shift_does_not_ring(shift):
    monitor = DriftMonitor(joint=False).fit(table(0, 50_000, columns=2))
    found = monitor.observe(table(1, 50_000, columns=2, shift=shift))
    assert not found.drifted
    assert found.columns[0].ks_p < 0.05


def test_missing_and_unseen_values_are_shares_and_ring():
    monitor = DriftMonitor().fit(table(0, 5000, columns=2))
    batch = table(1, 500, columns=2)
    batch.loc[:249, "x0"] = np.nan
    batch.loc[:249, "carrier"] = "ZZ"
    report = monitor.observe(batch)
    by_name = {column.column: column for column in report.columns}
    assert by_name["x0"].missing == 0.5
    assert by_name["carrier"].unseen == 0.5
    assert set(report.alarms) == {"x0", "carrier"}


def test_rare_levels_do_not_ring_by_being_rare():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"tail": pd.Categorical(rng.integers(2000, size=8000).astype(str))})
    assert DriftMonitor().fit(frame[:6000]).observe(frame[6000:]).alarms == ()


def test_kinds_of_columns():
    n = 1000
    frame = pd.DataFrame(
        {
            "flag": np.arange(n) % 3 == 0,
            "few": np.arange(n) % 4,
            "nullable": pd.array([None, 1.5] * (n // 2), dtype="Float64"),
            "empty": np.full(n, np.nan),
            "constant": np.ones(n),
            "when": pd.date_range("2013", periods=n, freq="h", tz="UTC"),
        }
    )
    monitor = DriftMonitor().fit(frame)
    kinds = {column.column: column.kind for column in monitor.observe(frame).columns}
    assert kinds["flag"] == "categorical"
    assert "when" not in kinds
    changed = frame.assign(few=0, constant=2.0, empty=1.0)
    assert set(monitor.observe(changed).alarms) == {"few", "constant", "empty"}


def test_too_few_rows_are_a_state_not_an_all_clear():
    report = DriftMonitor().fit(table(0, 2000)).observe(table(1, 100, shift=3), batch="small")
    assert (report.status, report.columns, report.rows) == ("insufficient_data", (), 100)
    assert list(report.table) == list(
        DriftMonitor().fit(table(0, 2000)).observe(table(1, 500)).table
    )


def test_the_report_is_evidence():
    report = DriftMonitor().fit(table(0, 2000)).observe(table(1, 500, shift=1), batch="w17")
    stored = json.loads(json.dumps(dataclasses.asdict(report), allow_nan=False))
    assert [column["column"] for column in stored["columns"]][-1] == "carrier"
    assert report.table["column"].iloc[-1] == "carrier"  # the one that did not shift


def test_batches_larger_than_the_reference_are_judged():
    monitor = DriftMonitor().fit(table(0, 1000))
    assert monitor.observe(table(1, 5000)).alarms == ()
    assert len(monitor.observe(table(1, 5000, shift=0.8)).alarms) == 5


def test_what_cannot_be_compared_is_an_error():
    monitor = DriftMonitor().fit(table(0, 1000))
    with pytest.raises(DataError, match="carrier"):
        monitor.observe(table(1, 500).drop(columns="carrier"))
    with pytest.raises(DataError, match="x1"):
        monitor.observe(table(1, 500).assign(x1="text"))
    with pytest.raises(DataError):
        DriftMonitor().fit(table(0, 900))
    with pytest.raises(UsageError):
        DriftMonitor().observe(table(0, 1000))
    for wrong in ({"n_bins": 1}, {"min_rows": 10}, {"significance": 5}, {"effect": 0}):
        with pytest.raises(UsageError):
            DriftMonitor(**wrong)


def test_a_new_level_in_place_of_missing_values_rings():
    monitor = DriftMonitor().fit(table(0, 5000, columns=2))
    batch = table(1, 500, columns=2)
    assert monitor.observe(batch.fillna({"carrier": "ZZ"})).alarms == ("carrier",)


def test_many_slow_columns_together_stay_quiet():
    """The stated chance of a false alarm is for all columns of a batch, not for each."""
    rng = np.random.default_rng(5)
    kernel = np.ones(300) / 300
    slow = np.array([np.convolve(rng.normal(size=30_000), kernel, "same") for _ in range(20)]).T
    frame = pd.DataFrame(slow).add_prefix("weather_")
    monitor = DriftMonitor().fit(frame[:15_000])
    windows = [frame[start : start + 500] for start in range(15_000, 30_000, 500)]
    assert sum(bool(monitor.observe(window).alarms) for window in windows) <= 4


def test_correlation_alone_rings_for_the_columns_together():
    def related(seed, n, rho):
        frame = table(seed, n, columns=4)
        frame["x1"] = rho * frame["x0"] + np.sqrt(1 - rho**2) * frame["x1"]
        return frame

    monitor = DriftMonitor().fit(related(0, 8000, 0.0))
    report = monitor.observe(related(1, 2000, 0.8))
    assert report.drifted
    assert report.alarms == ()
    assert report.joint.alarm
    assert {name for name, _ in report.joint.columns[:2]} == {"x0", "x1"}
    assert not monitor.observe(related(2, 2000, 0.0)).drifted


def test_the_classifier_does_not_see_columns_that_wander_by_themselves():
    rng = np.random.default_rng(3)
    frame = table(0, 20_000, columns=3)
    frame["weather"] = np.convolve(rng.normal(size=20_000), np.ones(400) / 400, "same") * 20
    report = DriftMonitor().fit(frame[:15_000]).observe(frame[15_000:15_500])
    assert report.joint.left_out == ("weather",)
    assert not report.drifted


def test_predictions_are_one_more_column():
    frame, batch = table(0, 4000), table(1, 500)
    monitor = DriftMonitor().fit(frame, prediction=frame["x0"] * 3)
    steady = monitor.observe(batch, prediction=batch["x0"] * 3)
    moved = monitor.observe(batch, prediction=batch["x0"] * 3 + 4)
    assert not steady.drifted
    assert moved.alarms == ("prediction",)
    assert "prediction" not in moved.joint.left_out
    assert "prediction" not in monitor.observe(batch).table["column"].tolist()
    classes = np.full((4000, 3), 1 / 3)
    by_class = DriftMonitor(joint=False).fit(frame, prediction=classes)
    named = by_class.observe(batch, prediction=classes[:500]).columns[-3:]
    assert [column.column for column in named] == ["prediction_0", "prediction_1", "prediction_2"]


def test_predictions_that_fit_did_not_know_are_refused():
    monitor = DriftMonitor(joint=False).fit(table(0, 1000))
    with pytest.raises(UsageError):
        monitor.observe(table(1, 500), prediction=np.zeros(500))
    with pytest.raises(DataError):
        monitor.fit(table(0, 1000), prediction=np.zeros(999))
    with pytest.raises(UsageError):
        monitor.fit(table(0, 1000).assign(prediction=1.0), prediction=np.zeros(1000))


def test_a_few_values_in_another_unit_ring_by_their_distance():
    """A thousand times the value in 3 % of rows changes hardly any bin."""
    monitor = DriftMonitor(joint=False).fit(table(0, 5000))
    batch = table(1, 2000)
    batch.loc[:59, "x2"] = (batch.loc[:59, "x2"].abs() + 0.1) * 1000
    report = monitor.observe(batch)
    found = next(column for column in report.columns if column.column == "x2")
    assert found.psi < 0.2
    assert report.alarms == ("x2",)
    assert "x2 (Wasserstein" in report.reason


def test_infinite_values_stay_json():
    monitor = DriftMonitor(joint=False).fit(table(0, 5000))
    batch = table(1, 500)
    batch.loc[:300, "x0"] = np.inf
    batch.loc[:300, "x1"] = -1e308
    report = monitor.observe(batch)
    assert report.alarms == ("x0", "x1")
    json.dumps(dataclasses.asdict(report), allow_nan=False)


def test_a_stored_monitor_judges_as_before(tmp_path):
    frame = table(0, 3000).assign(flag=np.arange(3000) % 3 == 0, few=np.arange(3000) % 4)
    monitor = DriftMonitor(effect=0.15, seed=4).fit(frame, prediction=frame["x0"])
    batch = table(1, 500, shift=0.3).assign(flag=True, few=1)
    before = monitor.observe(batch, prediction=batch["x0"])
    monitor.save(tmp_path / "monitor.npz")
    stored = DriftMonitor.load(tmp_path / "monitor.npz")
    assert stored.observe(batch, prediction=batch["x0"]) == before
    fresh = batch.iloc[:300]  # a size whose limits were not learnt yet
    assert stored.observe(fresh) == monitor.observe(fresh)


def test_a_file_that_is_no_monitor_is_named(tmp_path):
    (tmp_path / "other").write_bytes(b"PK no monitor")
    for name in ("other", "missing"):
        with pytest.raises(DataError, match=name):
            DriftMonitor.load(tmp_path / name)


@given(seed=st.integers(0, 1000), shift=st.floats(-1e6, 1e6), scale=st.floats(1e-3, 1e6))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_a_column_does_not_matter(seed, shift, scale):
    frame, batch = table(seed, 1000, columns=1), table(seed + 1, 300, columns=1)
    found = DriftMonitor(joint=False).fit(frame).observe(batch).columns[0]
    frame["x0"], batch["x0"] = frame["x0"] * scale + shift, batch["x0"] * scale + shift
    again = DriftMonitor(joint=False).fit(frame).observe(batch).columns[0]
    assert again.psi == pytest.approx(found.psi, abs=0.03)
    assert again.wasserstein == pytest.approx(found.wasserstein, abs=0.03)


def test_a_cycle_within_the_batch_does_not_hide_a_change_of_relations():
    """The day of the week is the same in every batch, and never the same in two parts of it."""

    def weekly(seed, n, rho):
        frame = table(seed, n, columns=4).assign(day=np.arange(n) // 200 % 7)
        frame["x1"] = rho * frame["x0"] + np.sqrt(1 - rho**2) * frame["x1"]
        return frame

    monitor = DriftMonitor().fit(weekly(0, 14_000, 0.0))
    assert monitor.observe(weekly(1, 1400, 0.9)).joint.alarm
    steady = monitor.observe(weekly(2, 1400, 0.0))
    assert "day" in steady.joint.left_out
    assert not steady.drifted


def test_columns_may_be_called_by_numbers():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(2000, 2)))
    monitor = DriftMonitor().fit(frame[:1500])
    frame[1] += 2.0 * (frame.index >= 1500)
    assert monitor.observe(frame[1500:]).alarms == ("1",)


def test_the_classifier_gains_nothing_from_rows_that_look_like_their_neighbours():
    """Every visit has four rows: seen in one fold and asked for in the next, it would be known."""
    visits = table(0, 4000, columns=4).loc[np.repeat(np.arange(4000), 4)].reset_index(drop=True)
    report = DriftMonitor().fit(visits[:14_000]).observe(visits[14_000:])
    assert len(report.joint.left_out) == 0
    assert report.joint.auc < 0.55
