"""Our side of the speed benchmark: ``monitoring_speed_ours.py STEP ROWS COLUMNS STORED``.

``fit`` learns a reference and stores the monitor; ``observe`` loads it and checks a batch, twice.
Prints JSON: seconds, peak memory of this process, memory of the table.
"""

import json
import resource
import sys
import time
from pathlib import Path

from monitoring_wide_table import make_table

from driftune.monitoring import DriftMonitor


def main():
    """Carry out one step."""
    step, rows, columns, stored = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    table = make_table(rows, columns, seed=0 if step == "fit" else 1)
    found = {"step": step, "table_mb": float(table.memory_usage().sum()) / 1e6}
    if step == "fit":
        found["seconds"], monitor = _take(lambda: DriftMonitor().fit(table))
        found["save_seconds"], _ = _take(lambda: monitor.save(stored))
        found["stored_mb"] = stored.stat().st_size / 1e6
    else:
        found["load_seconds"], monitor = _take(lambda: DriftMonitor.load(stored))
        found["first_seconds"], _ = _take(lambda: monitor.observe(table))
        began = time.process_time()
        found["seconds"], report = _take(lambda: monitor.observe(table))
        found["cpu"] = time.process_time() - began
        found["drifted"] = report.drifted
        found["without_joint_seconds"] = _take(lambda: _without_joint(stored).observe(table))[0]
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps(found))


def _without_joint(stored):
    monitor = DriftMonitor.load(stored)
    monitor._classifier = None
    return monitor


def _take(work):
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


if __name__ == "__main__":
    main()
