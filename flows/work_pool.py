"""Write prefect.yaml: the deployments of every problem, for a work pool.

``python -m flows.work_pool`` after a problem was added or removed; a test holds file and problems
together. The deployments themselves are those that ``driftune serve`` serves.
"""

from __future__ import annotations

from typing import Any

import yaml
from prefect.deployments.runner import RunnerDeployment

from driftune.files import replace_file
from driftune.project import Project
from flows.deployments import deployments

HEADER = """\
# Made by `python -m flows.work_pool` from conf/problems: run it again after adding or removing one.
# For work pools: `prefect work-pool create driftune --type process`, then `prefect deploy --all`,
# then `prefect worker start --pool driftune`. On one machine `driftune serve` does all of it.
# What is no longer here is taken off the server by the reconcile flow.
"""
POOL = {"name": "driftune", "work_queue_name": "default"}


def render(project: Project) -> str:
    """Return the text of prefect.yaml for all problems of a project."""
    entries = [_entry(made) for made in deployments(project, project.problems())]
    content = {"name": "driftune", "deployments": entries}
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=100)


def _entry(made: RunnerDeployment) -> dict[str, Any]:
    return {
        "name": made.name,
        "entrypoint": f"flows/{made.flow_name}.py:{made.flow_name}",
        "description": made.description,
        "tags": list(made.tags),
        "parameters": dict(made.parameters),
        "schedules": [_schedule(one.schedule) for one in made.schedules or []],
        "triggers": [_trigger(one) for one in made.triggers],
        "work_pool": dict(POOL),
    }


def _schedule(schedule: Any) -> dict[str, Any]:
    if hasattr(schedule, "cron"):
        return {"cron": schedule.cron}
    anchor = schedule.anchor_date.isoformat()
    return {"interval": int(schedule.interval.total_seconds()), "anchor_date": anchor}


def _trigger(trigger: Any) -> dict[str, Any]:
    return {
        "type": "event",
        "name": trigger.name,
        "expect": sorted(trigger.expect),
        "match": {"prefect.resource.id": trigger.match.root["prefect.resource.id"]},
        "posture": trigger.posture.value,
        "threshold": trigger.threshold,
        "within": int(trigger.within.total_seconds()),
        "parameters": dict(trigger.parameters),
    }


if __name__ == "__main__":
    here = Project.find()
    with replace_file(here.root / "prefect.yaml") as file:
        file.write_text(render(here), encoding="utf-8")
