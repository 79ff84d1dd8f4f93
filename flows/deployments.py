"""Serve the flows: watch on a schedule, retune on an event and by cron, reconcile often."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from prefect import serve as serve_deployments
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron, Interval

from flows.events import RETUNE_QUEUED, resource_of
from flows.reconcile import reconcile
from flows.retune import retune
from flows.server import reachable_server
from flows.watch import watch

if TYPE_CHECKING:
    from driftune.project import Project

WEEKLY = "0 3 * * 1"


def deployments(
    problems: list[str], *, watch_every: timedelta, cron: str = WEEKLY
) -> list[RunnerDeployment]:
    """Return the deployments of these problems; applying them again changes nothing.

    Args:
        problems: Names of files in ``conf/problems``.
        watch_every: Time between two looks for new batches.
        cron: When to retune without a drift.
    """
    made = [reconcile.to_deployment("all", schedule=Interval(timedelta(minutes=5)))]
    for problem in problems:
        made.append(
            watch.to_deployment(
                problem, parameters={"problem": problem}, schedule=Interval(watch_every)
            )
        )
        made.append(
            retune.to_deployment(
                problem,
                parameters={"problem": problem, "trigger": "schedule", "reason": f"cron {cron}"},
                schedule=Cron(cron),
                triggers=[_on_queued(problem)],
            )
        )
    return made


def _on_queued(problem: str) -> DeploymentEventTrigger:
    """One event of this problem, one run of its retune deployment."""
    return DeploymentEventTrigger(
        name=f"retune {problem} when the watcher asks for it",
        expect={RETUNE_QUEUED},
        match={"prefect.resource.id": resource_of(problem)},
        posture="Reactive",
        threshold=1,
        within=timedelta(0),
        parameters={"problem": problem, "retune_id": "{{ event.payload.retune_id }}"},
    )


def serve(
    project: Project,
    *,
    problems: list[str] | None = None,
    watch_every: timedelta = timedelta(minutes=1),
    cron: str = WEEKLY,
) -> None:
    """Serve all deployments until stopped, on a local Prefect server when none is reachable."""
    os.environ["DRIFTUNE_PROJECT"] = str(project.root)
    os.chdir(project.root)  # deployments name flow files relative to here
    with reachable_server(project.state):
        chosen = problems or project.problems()
        serve_deployments(*deployments(chosen, watch_every=watch_every, cron=cron), limit=4)
