"""Hand a table of the tuning race to FLAML, which lives in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.tuning import tune
from driftune.tuning.cores import usable_cores

if TYPE_CHECKING:
    from tuning_tables import RaceTable

RIVAL = Path(__file__).with_name("flaml_rival.py")
TARGET = "__target__"
LEAST_SECONDS = 1.0


class FLAMLFailed(Exception):
    """FLAML ended without a model."""


def find_obstacle(python: Path | None) -> str | None:
    """Say why FLAML cannot run, or ``None``."""
    if python is None or not python.exists():
        return "no environment with FLAML (--flaml PYTHON; `make bench-tuning` makes one)"
    command = [str(python), "-c", "from flaml import AutoML"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def run_flaml(table: RaceTable, python: Path, *, seconds: float, cores: int) -> dict[str, Any]:
    """Let FLAML search for so many seconds and fit its best on all rows; score the test rows.

    Args:
        table: The table.
        python: An interpreter that has FLAML.
        seconds: The budget; the last fit comes on top, as it does for the others.
        cores: That it may use; 0 for all.

    Raises:
        FLAMLFailed: It ended without a model; its own words.
    """
    order = {
        "task": "regression" if table.problem.task == "regression" else "classification",
        "metric": table.problem.metric,
        "budget": max(LEAST_SECONDS, seconds),
        "seed": table.seed,
        "n_jobs": cores or usable_cores(),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(table, folder, order)
        load = os.getloadavg()[0]
        done = subprocess.run(
            [str(python), str(RIVAL), name], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise FLAMLFailed(f"code {done.returncode}: {done.stderr.strip()[-500:]}")
        outcome: dict[str, Any] = json.loads((folder / "out.json").read_text())
    prediction = np.array(outcome.pop("prediction"))
    if table.problem.task == "binary":
        prediction = prediction[:, 1]
    test = table.score(table.target(table.test), prediction)
    return {**outcome, "budget": order["budget"], "test": test, "load": [load, os.getloadavg()[0]]}


def _write(table: RaceTable, folder: Path, order: dict[str, Any]) -> None:
    """Write features, target and folds, the same as those of tune()."""
    y = table.target(table.train)
    table.features(table.train).assign(**{TARGET: y}).to_parquet(folder / "train.parquet")
    table.features(table.test).to_parquet(folder / "test.parquet")
    arrays = {}
    folds = signature(tune).parameters["n_folds"].default
    for number, (train, valid) in enumerate(table.cut(folds)):
        arrays |= {f"train{number}": train, f"valid{number}": valid}
    np.savez(folder / "folds.npz", **arrays)
    (folder / "order.json").write_text(json.dumps(order))
