"""One arm on one table with one seed, in a process of its own: ``tuning_arm.py ORDER.json``.

The study is on the clock. Then, off it, each incumbent is scored on plain Optuna's five folds, on
folds that no arm has seen, and on the test rows after a fit on all rows.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tuning_driftune
import tuning_plain
from tuning_plain import Moment
from tuning_races import BEFORE, OURS
from tuning_stopwatch import watching

from driftune.tuning.cores import usable_cores


def main() -> None:
    """Read the order, run it, write the outcome beside it."""
    order_file = Path(sys.argv[1])
    order = json.loads(order_file.read_text())
    if order["cores"]:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["cores"]])
    table = pickle.loads(Path(order["table_file"]).read_bytes())
    outcome = run_arm(table, order, order["known"])
    order_file.with_suffix(".out.json").write_text(json.dumps(outcome))


def run_arm(table: Any, order: dict[str, Any], known: dict[str, float]) -> dict[str, Any]:
    """Run an arm.

    Args:
        table: A ``RaceTable``.
        order: ``arm`` (``plain``, ``plain2`` for two processes, ``driftune``, ``before``),
            ``seed`` and ``trials``.
        known: Scores by the yardstick that need not be taken again; gets the new ones.
    """
    cores = usable_cores()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, watching() as watch:
        folder = Path(name)
        began = time.perf_counter()
        if order["arm"] in (OURS, BEFORE):
            outcome, result = tuning_driftune.run_driftune(
                table, seed=order["seed"], trials=order["trials"]
            )
        else:
            processes = 2 if order["arm"] == "plain2" else 1
            outcome, result = _plain(table, order, cores, processes, folder), None
        profile = watch.report(began, began + outcome["seconds"], cores)
        outcome["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        outcome["peak_mb"] += outcome.pop("workers_mb", 0.0)
        outcome["load"] = [load, os.getloadavg()[0]]
        if order["arm"] != "plain2":
            outcome["profile"] = profile
        if result is not None:
            outcome["tracking"] = tuning_driftune.time_tracking(table, result, folder)
    return outcome | _judge(table, outcome["moments"], result, known, cores)


def _plain(
    table: Any, order: dict[str, Any], cores: int, processes: int, folder: Path
) -> dict[str, Any]:
    return tuning_plain.run_plain(
        table,
        seed=order["seed"],
        trials=order["trials"],
        n_jobs=cores,
        processes=processes,
        folder=folder,
    )


def _judge(
    table: Any, moments: list[dict[str, Any]], result: Any, known: dict[str, float], cores: int
) -> dict[str, Any]:
    """Score the incumbents by both yardsticks and on the test rows."""
    seconds = 0.0
    for moment in moments:
        ours = result is not None
        moment["plain_score"] = (
            _validate(table, moment, known, cores, False) if ours else moment["value"]
        )
        if ours or moment is moments[-1]:
            moment["neutral_score"] = _validate(table, moment, known, cores, True)
        if ours:
            bare = Moment(**{key: moment[key] for key in Moment.__dataclass_fields__})
            test = tuning_driftune.refit_and_test(table, result, bare)
        else:
            test = tuning_plain.refit_and_test(table, moment["params"], moment["rounds"], cores)
        moment["test"], seconds = test
    return {"moments": moments, "refit_seconds": seconds, "known": known}


def _validate(
    table: Any, moment: dict[str, Any], known: dict[str, float], cores: int, neutral: bool
) -> float:
    """Score a configuration on plain Optuna's folds or the neutral ones, once."""
    digest = json.dumps([neutral, moment["params"]], sort_keys=True)
    if digest not in known:
        score = tuning_plain.cross_validate(table, moment["params"], cores, neutral=neutral)[0]
        known[digest] = score
    return known[digest]


if __name__ == "__main__":
    main()
