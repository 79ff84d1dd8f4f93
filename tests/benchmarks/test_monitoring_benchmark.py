"""The drift benchmark counts what it says, and runs where Evidently does not."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "monitoring.py"


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=4000), "c": rng.choice(list("aab"), size=4000)})


def test_planted_shifts_are_of_the_size_they_say(bench, batch):
    power = bench("monitoring_power")
    moved = power.shift_mean(batch, 0.5, "x", 2.0)["x"]
    assert moved.mean() == pytest.approx(batch["x"].mean() + 1.0)
    assert power.stretch(batch, 3.0, "x", 1.0)["x"].std() == pytest.approx(3 * batch["x"].std())
    assert power.lose(batch, 0.2, "x", 1.0)["x"].isna().mean() == pytest.approx(0.2, abs=0.02)
    renamed = power.rename(batch, 0.1, "c", 1.0)["c"]
    assert (renamed == power.NEVER_SEEN).mean() == pytest.approx(0.1, abs=0.02)
    assert (power.mix(batch, 0.5, "c", 1.0)["c"] == "b").mean() == pytest.approx(2 / 3, abs=0.04)


def test_relations_go_and_columns_stay(bench, batch):
    table = batch.assign(y=batch["x"] * 2)
    alone = bench("monitoring_power").unrelate(table, 1.0, "y", 1.0)
    assert sorted(alone["y"]) == sorted(table["y"])
    assert abs(alone["x"].corr(alone["y"])) < 0.1


def test_a_clean_stream_has_the_rows_of_its_table(bench):
    streams = bench("monitoring_streams")
    first, second = (streams.draw_stream("diabetes", seed) for seed in (0, 1))
    assert not first.equals(second)
    assert sorted(first["bmi"]) == sorted(second["bmi"])


def test_naive_alarms_are_counted_beside_ours(bench, batch):
    from driftune.monitoring import DriftMonitor

    monitor = DriftMonitor(joint=False).fit(batch[:3000])
    clean = monitor.observe(batch[3000:])
    shifted = monitor.observe(batch[3000:].assign(x=batch["x"] + 0.3))  # sure, and small
    found = bench("monitoring_false_alarms")._share([clean, shifted])
    assert found["driftune"] == 0
    assert found["ks_05"] == 0.5
    assert found["significant"] == 0.5


def test_without_evidently_the_speed_of_ours_is_measured_and_the_rest_left_out(tmp_path):
    out = tmp_path / "found.json"
    command = [sys.executable, str(SCRIPT), "--parts", "speed", "--rows", "2000", "--columns", "10"]
    command += ["--evidently", str(tmp_path / "none"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "left out" in done.stdout
    found = json.loads(out.read_text())["speed"]
    assert found["observe"]["seconds"] > 0
    assert found["observe"]["drifted"] is False
    assert out.with_suffix(".png").stat().st_size > 10_000


def test_the_part_about_speed_needs_no_interpreter_to_be_named(bench, monkeypatch):
    speed = bench("monitoring_speed")
    ran = {"seconds": 1.0, "table_mb": 1.0, "peak_mb": 1.0}
    monkeypatch.setattr(speed, "_run", lambda *_: dict(ran))
    found = speed.measure(argparse.Namespace(rows=10, columns=5, evidently=None))
    assert "left_out" in found["evidently"]
