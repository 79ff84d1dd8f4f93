"""Serve the flows: watch on a schedule, retune on an event and by cron, reconcile often."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from prefect import serve as serve_deployments
from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.schedules import Cron, Interval, Schedule

from flows.events import RETUNE_QUEUED, resource_of
from flows.gone import project_tag, remove_deployments
from flows.reconcile import reconcile
from flows.retune import retune
from flows.server import reachable_server
from flows.watch import watch

if TYPE_CHECKING:
    from driftune.project import Project

WEEKLY = "0 3 * * 1"
EVERY_MINUTE = timedelta(minutes=1)
RECONCILE_EVERY = timedelta(minutes=5)
ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
POLL_SECONDS = 5  # how soon an event becomes a process


def deployments(
    project: Project,
    problems: list[str],
    *,
    watch_every: timedelta = EVERY_MINUTE,
    cron: str | None = WEEKLY,
) -> list[RunnerDeployment]:
    """Return the deployments of these problems; applying them again changes nothing.

    None has a concurrency limit: Prefect's would lose triggers, or stay taken after a crash. Of two
    runs of one problem the ledger lets one work.

    Args:
        project: Whose they are; a tag says so.
        problems: Names of files in ``conf/problems``.
        watch_every: Time between two looks for new batches.
        cron: When to retune without a drift; ``None`` for never.
    """
    tags = [project_tag(project)]
    made = [
        reconcile.to_deployment(
            "all",
            description="Close what a crash left open, and ring the bell for what waits.",
            schedule=_every(RECONCILE_EVERY, "all"),
            tags=tags,
        )
    ]
    for problem in problems:
        made.append(
            watch.to_deployment(
                problem,
                description="Decide about new batches.",
                parameters={"problem": problem},
                schedule=_every(watch_every, problem),
                tags=tags,
            )
        )
        why = "retune weekly" if cron == WEEKLY else f"cron {cron}"
        made.append(
            retune.to_deployment(
                problem,
                description="Retune when the watcher asks for it, and by the clock.",
                parameters={"problem": problem, "trigger": "schedule", "reason": why},
                schedules=[Cron(cron)] if cron else [],
                triggers=[_on_queued(problem)],
                tags=tags,
            )
        )
    return made


def _every(period: timedelta, name: str) -> Schedule:
    """The same moments after each deployment; not the same for fifty problems at once."""
    offset = crc32(name.encode()) / 2**32 * period
    return Interval(period, anchor_date=ORIGIN + timedelta(seconds=int(offset.total_seconds())))


def _on_queued(problem: str) -> DeploymentEventTrigger:
    """One event of this problem, one run of its retune deployment."""
    return DeploymentEventTrigger(
        name=f"retune {problem} when the watcher asks for it",
        expect={RETUNE_QUEUED},
        match={"prefect.resource.id": resource_of(problem)},
        posture="Reactive",
        threshold=1,
        within=timedelta(0),
        # both are text; a number would need __prefect_kind: json around it
        parameters={"problem": problem, "retune_id": "{{ event.payload.retune_id }}"},
    )


def serve(
    project: Project,
    *,
    problems: list[str] | None = None,
    watch_every: timedelta = EVERY_MINUTE,
    cron: str | None = WEEKLY,
) -> None:
    """Serve all deployments until stopped, on a local Prefect server when none is reachable.

    Begins with a reconcile: whatever stopped the last process may have left something open.
    """
    os.environ["DRIFTUNE_PROJECT"] = str(project.root)
    os.chdir(project.root)  # deployments name flow files relative to here
    with reachable_server(project.state):
        chosen = problems or project.problems()
        made = deployments(project, chosen, watch_every=watch_every, cron=cron)
        first = made[0].apply()
        remove_deployments(project)
        with get_client(sync_client=True) as client:
            client.create_flow_run_from_deployment(first)
        serve_deployments(*made, limit=4, query_seconds=POLL_SECONDS)
