"""The watch flow: one observation and one decision for each batch that has arrived."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from driftune import loop
from driftune.project import Project
from flows.events import announce_due_retunes


@task(name="watch_batch", task_run_name="{batch}", retries=2, retry_delay_seconds=5,
      cache_policy=NO_CACHE)  # fmt: skip
def watch_batch(project: Project, problem: str, batch: str) -> dict[str, Any]:
    """Validate, score, observe, decide, record."""
    row = loop.watch_batch(project, project.settings(problem), batch)
    get_run_logger().info("%s: %s. %s", batch, row.decision.outcome, row.decision.reason)
    return {"batch": row.batch, "outcome": row.decision.outcome, "reason": row.decision.reason}


@flow(name="watch", flow_run_name="{problem}", persist_result=False)
def watch(problem: str) -> list[dict[str, Any]]:
    """Decide about the batches that have arrived, oldest first.

    1. Without a champion, ask for a first one; else 2. for each batch without a decision: validate,
    score, observe, decide, record; stop after one that asks for a retune, so that the next is
    judged by the new champion. 3. Announce every retune that waits in the ledger, with an event on
    which an automation runs the retune deployment.

    Args:
        problem: Name of a file in ``conf/problems``.

    Returns:
        One decision per batch seen now.
    """
    project = Project.find()
    settings = project.settings(problem)
    decisions: list[dict[str, Any]] = []
    if not project.ledger.promotions(settings.name):  # the ledger is quick to ask on an idle tick
        loop.request(project, settings, trigger="first", reason="no champion yet")
    else:
        with loop.watching(project, settings) as batches:
            for batch in batches:
                decisions.append(watch_batch(project, problem, batch))
                if decisions[-1]["outcome"] == "queued":
                    break
    announce_due_retunes(project, settings)
    return decisions
