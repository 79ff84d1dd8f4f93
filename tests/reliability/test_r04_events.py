"""R4: the same event ten times, out of order, and again a day later: one retune.

R5: five problems degrade at once, and one of the events is lost: five retunes.

On a real Prefect server with the real automations. What a worker does, starting a process for each
run, is done here in the test's own process, because an interpreter takes seconds to start.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from importlib import import_module

import pytest
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.flow_engine import run_flow

from driftune import loop
from driftune.promotion.registry import CHAMPION
from flows.deployments import deployments
from flows.events import RETUNE_QUEUED, resource_of
from flows.reconcile import reconcile
from flows.retune import retune
from flows.watch import watch

EVENTS = 10


@pytest.fixture
def deployed(project, on_server):
    """Return a function that puts the deployments of problems on the server, and no schedule."""
    for file in (project.root / "conf" / "problems").glob("*.yml"):
        file.unlink()

    def deploy(*problems):
        for made in deployments(project, list(problems), cron=None, watch_every=timedelta(days=1)):
            made.apply()
        time.sleep(2)  # the server's triggers take notice of new automations

    return deploy


def asked_by_events(client, *, at_least):
    """Wait for the runs that automations have asked for and nobody has begun."""
    deadline = time.monotonic() + 60
    while True:
        runs = [
            run
            for run in client.read_flow_runs(limit=200)
            if run.created_by and run.created_by.type == "AUTOMATION"
            if run.state_type == StateType.SCHEDULED
        ]
        if len(runs) >= at_least or time.monotonic() > deadline:
            return runs
        time.sleep(0.3)


def carry_out(runs):
    """Do what a worker does, three at a time."""

    def one(context, run):
        return context.run(run_flow, retune, flow_run=run, parameters=run.parameters)

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, [copy_context() for _ in runs], runs))


def emit(problem, retune_id):
    emit_event(
        RETUNE_QUEUED,
        resource={"prefect.resource.id": resource_of(problem)},
        payload={"retune_id": retune_id},
    )


@pytest.mark.slow  # a Prefect server is started, and one retune runs
def test_ten_events_out_of_order_and_one_a_day_later_are_one_retune(
    project, on_server, deployed, add_small_problem
):
    add_small_problem(project, "small")
    deployed("small")
    ledger = project.ledger
    ledger.request_retune("older", "small", trigger="drift", reason="x", through="first")
    ledger.request_retune("newer", "small", trigger="drift", reason="x", through="first")
    for name in ["newer", "older", *["newer"] * (EVENTS - 2)]:
        emit("small", name)
    runs = asked_by_events(on_server, at_least=EVENTS)
    assert len(runs) == EVENTS
    carry_out(runs)
    rows = {row.id: (row.status, row.attempts) for row in ledger.retunes("small")}
    assert rows == {"older": ("merged_into", 0), "newer": ("promoted", 1)}
    registry = project.registry("small")
    assert registry.versions() == [registry.version_of(CHAMPION)] == [1]

    emit("small", "newer")
    emit("small", "older")
    carry_out(asked_by_events(on_server, at_least=2))
    assert registry.versions() == [1]
    assert {row.id: (row.status, row.attempts) for row in ledger.retunes("small")} == rows


@pytest.mark.slow  # ten small retunes: a first champion and a drift for each of five problems
@pytest.mark.timeout(600)
def test_five_problems_that_degrade_at_once_are_five_retunes(
    project, on_server, deployed, add_small_problem, monkeypatch
):
    names = [f"p{number}" for number in range(5)]
    deliver = {name: add_small_problem(project, name) for name in names}
    for name in names:
        loop.retune(project, project.settings(name), trigger="first")
        deliver[name](1, drifted=True)
    deployed(*names)
    lost = next(rule for rule in on_server.read_automations() if "p3" in rule.name)
    on_server.delete_automation(lost.id)

    asked = {}
    for name in names:
        (decision,) = watch(name)
        assert decision["outcome"] == "queued"
        asked[name] = project.ledger.observation(name, "b1").decision.retune_id
    runs = asked_by_events(on_server, at_least=4)
    assert {run.parameters["problem"] for run in runs} == {"p0", "p1", "p2", "p4"}
    for run in runs:
        carry_out([run])

    deployed(*names)  # the automation is there again, and its event comes with the next reconcile
    later = import_module("driftune.loop.reconcile")
    monkeypatch.setattr(later, "ANNOUNCE_AGAIN", timedelta(0))
    reconcile()
    runs = asked_by_events(on_server, at_least=1)
    assert [run.parameters["retune_id"] for run in runs] == [asked["p3"]]
    carry_out(runs)

    for name in names:
        rows = project.ledger.retunes(name)
        assert [(row.status in {"promoted", "refused"}, row.attempts) for row in rows] == [
            (True, 1), (True, 1),
        ]  # fmt: skip
        assert rows[1].id == asked[name]
        assert project.registry(name).versions() == [1, 2]
