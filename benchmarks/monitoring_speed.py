"""(c) Seconds and memory of a check, beside Evidently's on the same data in the same run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

HERE = Path(__file__).parent


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run each side in a process of its own: ours before and after, in case the machine is busy."""
    size = [str(options.rows), str(options.columns)]
    with tempfile.TemporaryDirectory() as folder:
        stored = str(Path(folder) / "monitor.npz")
        fit = _run(sys.executable, "ours", "fit", *size, stored)
        observe = _run(sys.executable, "ours", "observe", *size, stored)
        found: dict[str, Any] = {"rows": options.rows, "columns": options.columns, "fit": fit}
        if options.evidently is None:
            found["evidently"] = {"left_out": "no interpreter that has it was given (--evidently)"}
        else:
            found["evidently"] = _run(str(options.evidently), "evidently", *size)
        again = _run(sys.executable, "ours", "observe", *size, stored)
    found["observe"] = max(observe, again, key=lambda one: float(one.get("seconds", 0.0)))
    found["observe_faster"] = min(observe["seconds"], again["seconds"])
    return found


def _run(python: str, side: str, *arguments: str) -> dict[str, Any]:
    """Return what a side prints; where it cannot run, why."""
    command = [python, str(HERE / f"monitoring_speed_{side}.py"), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return {"left_out": str(error)}
    if done.returncode:
        if side == "ours":
            raise RuntimeError(done.stderr)
        return {"left_out": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  {side} {arguments[0]}: {found}", flush=True)
    return found


def print_report(found: dict[str, Any]) -> None:
    """Print seconds, ratios and memory."""
    ours, fit, theirs = found["observe"], found["fit"], found["evidently"]
    print(f"\na check of {found['rows']:,} rows x {found['columns']} columns")
    print(
        f"driftune     {ours['seconds']:8.2f} s a batch ({ours['first_seconds']:.2f} s the first,"
        f" {ours['without_joint_seconds']:.2f} s without the joint test; fit {fit['seconds']:.2f} s"
        f" once), peak {ours['peak_mb']:,.0f} MB = {ours['peak_mb'] / ours['table_mb']:.2f} times"
        " the batch"
    )
    if "left_out" in theirs:
        print(f"Evidently    left out: {theirs['left_out']}")
        return
    whole = fit["seconds"] + ours["first_seconds"]
    print(
        f"Evidently    {theirs['seconds']:8.2f} s, peak {theirs['peak_mb']:,.0f} MB;"
        f" {theirs['seconds'] / ours['seconds']:.0f} times as long as a batch,"
        f" {theirs['seconds'] / whole:.0f} times as long as fit and first batch together"
    )
