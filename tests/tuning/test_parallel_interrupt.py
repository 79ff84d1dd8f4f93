"""Ctrl-C in the terminal while worker processes fit: finished trials stay, nobody is left over."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

PROBLEM = """
target: y
metric: rmse
rows: rows.csv
tuning:
  workers: 2
  pruning: none
  earlier_configurations: 0
  space: {learning_rate: {type: float, low: 0.1, high: 0.3}}
  budget: {max_trials: 500, max_seconds: null}
"""


def completed(path):
    """Completed trials, read without a lock: Optuna would try to make the tables itself."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'")
            return found.fetchone()[0]
    except sqlite3.OperationalError:  # not there yet, or being made
        return 0


def members(group):
    """Processes of a group that still run."""
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat=,pid="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(row[2]) for row in rows if int(row[0]) == group and row[1][0] != "Z"]


@pytest.mark.slow  # the command line, and two worker processes that import LightGBM
@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_ctrl_c_keeps_finished_trials_and_says_how_to_go_on(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    table["y"] = table["a"] * 2 + rng.normal(size=300)
    table.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "sales.yml").write_text(PROBLEM)
    # a shell's background job, which a CI run can be, is started with SIGINT ignored
    main = "import signal, sys; from driftune.cli import main; sys.argv[0] = 'driftune';"
    main += "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
    command = [sys.executable, "-c", main, "tune", "sales.yml"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    studies = tmp_path / ".driftune" / "studies.db"
    end = time.monotonic() + 120
    while process.poll() is None and completed(studies) < 3 and time.monotonic() < end:
        time.sleep(0.2)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    kept = completed(studies)
    assert process.returncode == 130, said
    assert kept >= 3
    assert "goes on" in said
    assert "Traceback" not in said
    assert members(process.pid) == []
