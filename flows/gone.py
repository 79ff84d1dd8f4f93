"""What has gone, taken off Prefect's server: removed problems, and runs whose process died."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from driftune.errors import UsageError
from driftune.settings import find_problem

if TYPE_CHECKING:
    from driftune.project import Project

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


def close_run(flow_run: str) -> bool:
    """Mark a flow run whose process died as crashed; returns whether it had not ended.

    Prefect itself would show it as running for ever.
    """
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run)).state
        except ObjectNotFound:
            return False
        if state is None or state.is_final():
            return False
        why = "Its process is gone; the ledger has another run take the retune up."
        client.set_flow_run_state(UUID(flow_run), Crashed(message=why), force=True)
        return True


def _deployments(client: Any, project: Project) -> list[Any]:
    """Return all deployments of this project."""
    mine = DeploymentFilter(tags=DeploymentFilterTags(all_=[project_tag(project)]))
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
