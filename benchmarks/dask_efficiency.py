"""How much of a second Dask worker process a study turns into speed.

Two single-thread worker processes against one, on the same cluster address and the same trials (a
random sampler with a fixed seed and no racing, so that the work is equal). Medians of three studies
each, one and two workers by turns; the workers are warm: a first study has imported LightGBM and is
not counted.

    python benchmarks/dask_efficiency.py [--rows 20000] [--trials 12] [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time

import numpy as np
import optuna
import pandas as pd
from distributed import LocalCluster

from driftune.problem import Problem
from driftune.tuning import Budget, tune

PROBLEM = Problem(name="waves", target="y", metric="rmse")
SPACE = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.2, "log": True},
    "num_leaves": {"type": "int", "low": 15, "high": 31},
    "feature_fraction": {"type": "float", "low": 0.6, "high": 1.0},
}


def make_table(rows: int) -> pd.DataFrame:
    """A table of 20 numbers with a target that trees need many rounds for."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(rows, 20))).rename(columns="x{}".format)
    table["y"] = table["x0"] * table["x1"] + np.sin(3 * table["x2"]) + rng.normal(size=rows) / 2
    return table


def time_study(address: str, table: pd.DataFrame, trials: int) -> tuple[float, float]:
    """Wall seconds of a study, and the sum of its fits' seconds."""
    started = time.monotonic()
    result = tune(
        PROBLEM,
        table,
        space=SPACE,
        sampler=optuna.samplers.RandomSampler(seed=0),
        budget=Budget(max_trials=trials, max_seconds=None),
        executor="dask",
        dask_address=address,
        pruning="none",
    )
    wall = time.monotonic() - started
    return wall, float(result.trials["fit_seconds"].sum())


def measure(rows: int, trials: int, repeats: int) -> dict[str, object]:
    """Time one and two workers by turns."""
    table = make_table(rows)
    walls: dict[int, list[float]] = {1: [], 2: []}
    fits: dict[int, list[float]] = {1: [], 2: []}
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    with LocalCluster(n_workers=1, **options) as one, LocalCluster(n_workers=2, **options) as two:
        clusters = {1: one.scheduler_address, 2: two.scheduler_address}
        for address in clusters.values():
            time_study(address, table, 2)
        for _ in range(repeats):
            for workers, address in clusters.items():
                wall, fitting = time_study(address, table, trials)
                walls[workers].append(wall)
                fits[workers].append(fitting)
    medians = {workers: statistics.median(times) for workers, times in walls.items()}
    return {
        "rows": rows,
        "trials": trials,
        "cores": os.cpu_count(),
        "load_1m": os.getloadavg()[0],
        "wall_seconds": walls,
        "fit_seconds": fits,
        "median_wall_seconds": medians,
        "seconds_per_trial_on_one": medians[1] / trials,
        # what is not lost to Dask, the sampler and waiting; unlike the speed-up it does not need
        # idle cores
        "median_share_of_time_that_workers_fit": {
            workers: statistics.median(
                fitting / (wall * workers)
                for fitting, wall in zip(fits[workers], times, strict=True)
            )
            for workers, times in walls.items()
        },
        "speed_up": medians[1] / medians[2],
        "efficiency": medians[1] / medians[2] / 2,
    }


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    found = measure(chosen.rows, chosen.trials, chosen.repeats)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
