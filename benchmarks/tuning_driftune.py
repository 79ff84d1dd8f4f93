"""``tune()`` with its defaults in the tuning race, and what it costs to keep its trials."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tuning_plain import Moment

from driftune.tuning import Budget, predict, refit, tune

if TYPE_CHECKING:
    from pathlib import Path

    from tuning_tables import RaceTable

    from driftune.tuning import TrialProgress, TuningResult

    Event = tuple[float, float, TrialProgress]  # wall seconds, computed seconds, what was told


def run_driftune(
    table: RaceTable, *, seed: int, trials: int
) -> tuple[dict[str, Any], TuningResult]:
    """Run the study by the defaults, in memory like the plain one; return it as that one is."""
    events: list[Event] = []
    began, computed = time.perf_counter(), time.process_time()

    def note(progress: TrialProgress) -> None:
        seconds = time.perf_counter() - began
        events.append((seconds, time.process_time() - computed, progress))

    result = tune(
        table.problem,
        table.train,
        seed=seed,
        budget=Budget(max_trials=trials, max_seconds=None),
        on_progress=note,
    )
    seconds, cpu = time.perf_counter() - began, time.process_time() - computed
    states = result.trials["state"].value_counts().to_dict()
    return {
        "seconds": seconds,
        "cpu": cpu,
        "trials": [[moment, event.value] for moment, _, event in events],
        "moments": [asdict(moment) for moment in find_moments(events, result, seconds, cpu)],
        "states": {str(state): int(count) for state, count in states.items()},
        "stop_reason": result.stop_reason,
    }, result


def find_moments(
    events: list[Event], result: TuningResult, seconds: float, cpu: float
) -> list[Moment]:
    """Return when each incumbent was known; the last is what the study answers with."""
    rows = result.trials[result.trials["state"] == "COMPLETE"]
    moments: list[Moment] = []
    for moment, computed, event in events:
        if event.best is None or (moments and event.best == moments[-1].value):
            continue
        row = rows[rows["value"] == event.best].iloc[0]
        rounds = int(row["best_iteration"])
        moments.append(Moment(moment, event.best, row["params"], rounds, computed))
    if not moments or moments[-1].params != result.best_params:
        moments.append(
            Moment(seconds, result.best_value, result.best_params, result.best_rounds, cpu)
        )
    return moments


def refit_and_test(table: RaceTable, result: TuningResult, moment: Moment) -> tuple[float, float]:
    """Return the score on the test rows of our final fit, and its seconds."""
    told = replace(result, best_params=moment.params, best_rounds=moment.rounds)
    began = time.perf_counter()
    model = refit(table.problem, table.train, told)
    seconds = time.perf_counter() - began
    prediction = predict(model, table.test, table.problem.task)
    return table.score(table.target(table.test), prediction), seconds


def time_tracking(table: RaceTable, result: TuningResult, folder: Path) -> dict[str, float]:
    """Return the seconds of writing a study to a new MLflow store, and of making that store."""
    from driftune.tracking import Tracker

    name = table.problem.name
    uri, artifacts = f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"
    spooled = hasattr(Tracker, "track")  # an earlier version, as the arm before, has no spool
    tracker = Tracker(uri, artifacts, folder / "spool") if spooled else Tracker(uri, artifacts)
    began = time.perf_counter()
    tracker.experiment(name)
    made = time.perf_counter()
    if spooled:
        tracker.track(name, "race", result, {})
    else:
        tracker.log_study(name, tracker.retune_run(name, "race"), result)
    return {"log_seconds": time.perf_counter() - made, "store_seconds": made - began}
