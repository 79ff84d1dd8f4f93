"""The reconcile flow: close what a crash left open, and ring the bell for what waits."""

from __future__ import annotations

from prefect import flow

from driftune import loop
from driftune.project import Project
from flows.events import announce_due_retunes
from flows.gone import close_dead_runs, remove_deployments


@flow(name="reconcile", persist_result=False)
def reconcile() -> list[str]:
    """Reconcile every problem of the project.

    1. Mark the flow runs of dead processes as crashed; 2. for each problem close what a crash left
    open, see :func:`driftune.loop.reconcile`, and announce what waits; 3. take what belongs to
    removed problems off the server.

    Returns:
        What was done, a sentence each.
    """
    project = Project.find()
    done = close_dead_runs(project)
    for problem in project.problems():
        settings = project.settings(problem)
        done += loop.reconcile(project, settings)
        done += [f"announced {name}" for name in announce_due_retunes(project, settings)]
    return done + remove_deployments(project)
