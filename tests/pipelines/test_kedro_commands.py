"""Kedro's own command line on the project, as a user calls it."""

import json
import resource
import subprocess
import sys

import pandas as pd
import pytest

from driftune.promotion.registry import CHALLENGER, CHAMPION


def kedro(root, *words):
    command = [sys.executable, "-m", "kedro", *words]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow  # a whole run in a fresh process: imports alone take ten seconds
def test_a_run_ends_with_a_registered_challenger(module_project):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = kedro(module_project.root, "run", "--env", "test")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime - before.ru_utime < 60  # seconds of CPU
    folder = module_project.root / "data/06_models/tiny"
    challenger = json.loads((folder / "challenger.json").read_text())
    registry = module_project.registry("tiny")
    assert registry.version_of(CHALLENGER) == challenger["version"] == 1
    assert registry.version_of(CHAMPION) is None  # only the gate makes champions
    tags = registry.tags(1)
    assert tags["driftune.data_version"].endswith(".dir")
    assert tags["driftune.batches"] == "initial..initial"
    result = json.loads((folder / "tuning_result.json").read_text())
    assert result["stop_reason"] in {"time", "trials"}


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["registry", "list"], ["data_validation", "feature_engineering", "tuning", "training"]),
        (["catalog", "list-patterns"], []),
        (["catalog", "describe-datasets"], ["raw_batches", "promotion_rows", "features"]),
    ],
)
def test_a_command_that_only_looks_works(module_project, words, shown):
    done = kedro(module_project.root, *words)
    assert done.returncode == 0, done.stderr
    for name in shown:
        assert name in done.stdout


def test_a_critical_failure_stops_with_exit_code_2(project):
    file = project.root / "conf/test/data/initial.parquet"
    rows = pd.read_parquet(file)
    rows.loc[:999, "distance"] = -7
    rows.to_parquet(file, index=False)
    done = kedro(project.root, "run", "--env", "test")
    assert done.returncode == 2
    last = " ".join(done.stderr.split("Error:")[-1].split())
    for part in ("expect_column_values_to_be_between", "'distance'", "-7", "initial"):
        assert part in last
    assert "Traceback" not in done.stderr
    report = project.root / "data/08_reporting/tiny/validation/initial.json"
    assert json.loads(report.read_text())["success"] is False
    assert not (project.root / "data/02_intermediate/tiny/accepted").exists()
    assert not (project.root / "data/06_models").exists()
