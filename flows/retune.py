"""The retune flow: data -> features -> tune -> train -> gate -> promote, for one problem."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from driftune import loop
from driftune.loop import Retune
from driftune.project import Project
from driftune.promotion import Verdict
from driftune.tuning.listening import listening
from flows.progress import as_artifact
from flows.steps import ONCE, Inputs, made_by, may_pass, once

# What these do depends on the champion of the moment; in the ledger they happen once.
ALWAYS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 2,
    "retry_delay_seconds": 10,
    "retry_condition_fn": may_pass,
}


@task(name="data_validation", **ONCE)
def validate(run: Retune, inputs: Inputs) -> dict[str, Any]:
    """Run the Kedro pipeline data_validation."""
    run.validate()
    return made_by(run, "data_validation")


@task(name="feature_engineering", **ONCE)
def make_features(run: Retune, inputs: Inputs) -> dict[str, Any]:
    """Run the Kedro pipeline feature_engineering."""
    run.make_features()
    return made_by(run, "feature_engineering")


@task(name="tuning", **ONCE)
def tune(run: Retune, inputs: Inputs) -> dict[str, Any]:
    """Run the Kedro pipeline tuning: LLM-TPE as a stage, with a progress artifact."""
    with as_artifact(run.settings.name) as on_progress, listening(on_progress):
        run.tune()
    return made_by(run, "tuning", "best_params")


@task(name="training", **ONCE)
def train(run: Retune, inputs: Inputs) -> dict[str, Any]:
    """Run the Kedro pipeline training; its record has the challenger's ``version``."""
    return made_by(run, "training", "version", version=run.train())


@task(name="gate", **ALWAYS)
def judge(run: Retune, version: int) -> Verdict:
    """Compare challenger and champion on rows that the search never saw."""
    return run.judge(version)


@task(name="promotion", **ALWAYS)
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
    3. make features; 4. tune; 5. train; 6. judge; 7. promote or refuse; 8. report. A run that takes
    up what a killed one left skips the steps that were done.

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
            carry_out(run)
    if run is not None:
        report(project, problem)
    row = project.ledger.retune(wanted)
    return {"retune_id": row.id, "status": row.status, "verdict": row.details.get("verdict")}


def carry_out(run: Retune) -> None:
    """Do steps 2 to 7, without 4 and 5 where an earlier champion is recalled.

    Reconcile finds this flow run by the id in the ledger, should its process die.
    """
    run.project.ledger.set_retune(run.id, "running", lease=run.lease, flow_run=flow_run.get_id())
    inputs = Inputs.of(run)
    once(validate, run, inputs)
    once(make_features, run, inputs)
    version = run.candidate
    if version is None:
        once(tune, run, inputs)
        version = int(once(train, run, inputs)["version"])
    conclude(run, version, judge(run, version))
