"""The retune flow: data -> features -> tune -> train -> gate -> promote, for one problem."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from driftune import loop
from driftune.loop import Retune
from driftune.project import Project
from driftune.promotion import Verdict
from driftune.tuning.listening import listening
from flows.progress import as_artifact

RETRIES = {"retries": 2, "retry_delay_seconds": 10, "cache_policy": NO_CACHE}


@task(name="data_validation", **RETRIES)
def validate(run: Retune) -> None:
    """Run the Kedro pipeline data_validation."""
    run.validate()


@task(name="feature_engineering", **RETRIES)
def make_features(run: Retune) -> None:
    """Run the Kedro pipeline feature_engineering."""
    run.make_features()


@task(name="tuning", **RETRIES)
def tune(run: Retune) -> None:
    """Run the Kedro pipeline tuning: LLM-TPE as a stage, with a progress artifact."""
    with as_artifact(run.settings.name) as on_progress, listening(on_progress):
        run.tune()


@task(name="training", **RETRIES)
def train(run: Retune) -> int:
    """Run the Kedro pipeline training; returns the challenger's version."""
    return run.train()


@task(name="gate", **RETRIES)
def judge(run: Retune, version: int) -> Verdict:
    """Compare challenger and champion on rows that the search never saw."""
    return run.judge(version)


@task(name="promotion", **RETRIES)
def conclude(run: Retune, version: int, verdict: Verdict) -> None:
    """Promote, or leave the champion."""
    run.conclude(version, verdict)


@task(name="report", cache_policy=NO_CACHE)
def report(project: Project, problem: str) -> str:
    """Write the HTML report; returns its path."""
    from driftune.reporting import write_report

    return str(write_report(project, project.settings(problem)))


@flow(name="retune", flow_run_name="{problem}", persist_result=False)
def retune(
    problem: str, retune_id: str | None = None, trigger: str = "manual", reason: str = "asked for"
) -> dict[str, Any]:
    """Retune one problem, once per state of its data; a second run of the same is a no-op.

    1. Enter the queue, unless the watcher did (``retune_id``); take the lease; 2. validate;
    3. make features; 4. tune; 5. train; 6. judge; 7. promote or refuse; 8. report.

    Args:
        problem: Name of a file in ``conf/problems``.
        retune_id: A retune that is in the ledger's queue.
        trigger: Who asked, when it is not in the queue yet.
        reason: Why, in a sentence.

    Returns:
        The retune's id, status and verdict.
    """
    project = Project.find()
    settings = project.settings(problem)
    wanted = retune_id or loop.request(project, settings, trigger=trigger, reason=reason).id
    with loop.claim(project, settings, wanted) as run:
        if run is not None:
            validate(run)
            make_features(run)
            tune(run)
            version = train(run)
            verdict = judge(run, version)
            conclude(run, version, verdict)
    if run is not None:
        report(project, problem)
    row = project.ledger.retune(wanted)
    return {"retune_id": row.id, "status": row.status, "verdict": row.details.get("verdict")}
