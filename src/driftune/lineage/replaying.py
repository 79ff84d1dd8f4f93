"""The process of a replay: ``python -m driftune.lineage.replaying SCRATCH``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError
from driftune.lineage.replay import DONE, JOB
from driftune.project import Project
from driftune.promotion import hold_out_newest
from driftune.tuning import TuningResult, tune

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from driftune.settings import Settings


def main() -> None:
    """Remake the features, then fit and score trial 0; writes what came out beside the job."""
    scratch = Path(sys.argv[1])
    job = json.loads((scratch / JOB).read_text(encoding="utf-8"))
    try:
        found = replay_trial(Project(scratch), job)
    except DriftuneError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    (scratch / DONE).write_text(json.dumps(found), encoding="utf-8")


def replay_trial(project: Project, job: dict[str, Any]) -> dict[str, Any]:
    """Replay trial 0 on the rows that its study searched.

    Which of the labelled rows those were is known by the study's name, which is made of them: the
    ways of setting the newest rows aside are tried until it is the recorded one.

    Returns:
        ``score``, ``study`` and ``rows``; of the first way when none gives the recorded name.
    """
    settings = project.settings(job["problem"])
    rows: DataFrame = project.run_pipelines(
        "feature_engineering",
        "tuning",
        want="labelled_rows",
        problem=settings.name,
        batches=job["batches"],
        to_outputs=["labelled_rows"],
    )
    results = []
    for searched in _searched(rows, settings, job):
        results.append(_score(settings, searched, job["trial"]["params"]))
        if results[-1].study_name == job["study"]:
            break
    result = results[-1] if results[-1].study_name == job["study"] else results[0]
    score = result.trials.iloc[0]["value"]
    return {"score": float(score), "study": result.study_name, "rows": result.rows}


def _searched(rows: DataFrame, settings: Settings, job: dict[str, Any]) -> Iterator[DataFrame]:
    """Give the rows that the search may have seen."""
    import pandas as pd

    until, time, start = job["until"], settings.time, job["start"]
    labelled = rows[rows[settings.target].notna()]
    if until and time:
        labelled = labelled.sort_values(time, kind="stable")
        known = pd.to_datetime(labelled[time], utc=True) <= pd.to_datetime(until, utc=True)
        yield labelled[known].iloc[start:].reset_index(drop=True)
    elif job["count"] and len(job["batches"]) > 1:  # in the order in which they arrived
        yield labelled.iloc[start : start + job["count"]].reset_index(drop=True)
    yield hold_out_newest(rows, settings, settings.gate)[0].iloc[start:].reset_index(drop=True)


def _score(settings: Settings, rows: DataFrame, params: dict[str, Any]) -> TuningResult:
    plan = settings.tuning
    return tune(
        settings.problem,
        rows,
        space=plan.space,
        budget=replace(plan.budget, max_trials=1, max_seconds=None, max_llm_calls=0),
        n_folds=plan.folds,
        splitter=plan.splitter,
        seed=plan.seed,
        family=plan.family,
        pruning=plan.pruning,
        rungs=plan.rungs,
        constraints=plan.constraints,
        warm_start=[params],
        earlier_configurations=0,
    )


if __name__ == "__main__":
    main()
