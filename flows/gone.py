"""What has gone, taken off Prefect's server: removed problems, and runs whose process died."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from driftune.errors import UsageError
from driftune.ledger.tables import now
from driftune.settings import find_problem

if TYPE_CHECKING:
    from driftune.project import Project

RUNNING = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
)
AFTERMATH = timedelta(minutes=10)  # an ended retune's run may still write its report
PAGE = 200  # what Prefect's server gives at a time


def project_tag(project: Project) -> str:
    """Return the tag by which the deployments of this project are known on a shared server."""
    named = tomllib.loads((project.root / "pyproject.toml").read_text(encoding="utf-8"))
    return f"driftune:{named.get('project', {}).get('name', project.root.name)}"


def remove_deployments(project: Project) -> list[str]:
    """Remove the deployments of problems that no longer exist, with their automations.

    Those of other projects, which have another tag, are left alone.

    Returns:
        What was removed, a sentence each.
    """
    removed = []
    with get_client(sync_client=True) as client:
        for deployment in _deployments(client, project):
            problem = deployment.parameters.get("problem")
            if problem is None or _exists(project, problem):
                continue
            # Prefect keeps the automations of a deployment that is deleted
            client.delete_resource_owned_automations(f"prefect.deployment.{deployment.id}")
            client.delete_deployment(deployment.id)
            removed.append(f"removed a deployment of {problem!r}, which is no problem any more")
    return removed


def close_dead_runs(project: Project) -> list[str]:
    """Mark the retune runs whose process died as crashed.

    Prefect itself would show them as running for ever. Call it before the ledger is reconciled: as
    long as a retune is ``running`` and nobody holds its lease, its run is known to be dead.

    Returns:
        What was done, a sentence each.
    """
    closed = []
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["retune"])),
            flow_run_filter=RUNNING,
            deployment_filter=_mine(project),
        ):
            if _is_dead(project, str(run.id), run.parameters["problem"]):
                why = "Its process is gone; the ledger has another run take the retune up."
                client.set_flow_run_state(run.id, Crashed(message=why), force=True)
                closed.append(f"closed the run {run.name} of {run.start_time:%H:%M}: it is dead")
    return closed


def _is_dead(project: Project, flow_run: str, problem: str) -> bool:
    """Say whether a run certainly does not work on its retune any more."""
    rows = project.ledger.retunes(problem)
    row = next((row for row in rows if row.details.get("flow_run") == flow_run), None)
    if row is None:
        return False  # it has only begun, or there was nothing to do
    if row.status == "running":
        return not project.ledger.is_leased(problem)
    return row.finished_at is not None and row.finished_at < now() - AFTERMATH


def _mine(project: Project) -> DeploymentFilter:
    return DeploymentFilter(tags=DeploymentFilterTags(all_=[project_tag(project)]))


def _deployments(client: Any, project: Project) -> list[Any]:
    """Return all deployments of this project."""
    mine = _mine(project)
    found: list[Any] = []
    while len(found) % PAGE == 0:
        page = client.read_deployments(deployment_filter=mine, limit=PAGE, offset=len(found))
        found += page
        if not page:
            break
    return found


def _exists(project: Project, problem: str) -> bool:
    try:
        find_problem(problem, project.root)
    except UsageError:
        return False
    return True
