"""Evidently's side of the speed benchmark, by an interpreter that has it.

``monitoring_speed_evidently.py ROWS COLUMNS``: its preset for data drift with all defaults, the
same tables. Prints JSON: seconds, processor seconds, peak memory of this process.
"""

import json
import os
import resource
import sys
import time
from importlib.metadata import version

os.environ["DO_NOT_TRACK"] = "1"

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from monitoring_wide_table import make_table


def main():
    """Check one batch against one reference."""
    rows, columns = int(sys.argv[1]), int(sys.argv[2])
    reference, batch = (make_table(rows, columns, seed) for seed in (0, 1))
    definition = DataDefinition(
        numerical_columns=[name for name in batch if name.startswith("x")],
        categorical_columns=[name for name in batch if name.startswith("c")],
    )
    sides = [Dataset.from_pandas(side, data_definition=definition) for side in (batch, reference)]
    began, cpu = time.perf_counter(), time.process_time()
    Report([DataDriftPreset()]).run(*sides).dict()
    found = {
        "version": version("evidently"),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
