"""R3: runner and flow run are killed together in the middle of a retune, as when a host crashes.

With a concurrency limit Prefect alone would be wedged for ever: the slot belongs to a run that no
longer exists. Here the next process finds the lease of a dead owner, and goes on.
"""

import os
import subprocess
import sys
import time
from uuid import UUID

import psutil
import pytest

from driftune import loop
from driftune.promotion.registry import CHAMPION

SERVE = [sys.executable, "-c", "from driftune.cli import main; main()", "serve", "small"]


def wait_for(what, *, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what.__name__} did not come true within {seconds} s")


@pytest.fixture
def host(project, on_server):
    """Start ``driftune serve`` as often as wanted; returns its process."""
    for file in (project.root / "conf" / "problems").glob("*.yml"):
        file.unlink()
    log = (project.root / "serve.log").open("wb")
    started = []

    def start():
        process = subprocess.Popen(
            [*SERVE, "--watch-every", "1h", "--cron", "never"], stdout=log, stderr=log
        )
        started.append(process)
        return process

    yield start
    for process in started:
        crash(process)
    log.close()


def crash(process):
    """Kill a process and all that it has started, none of which gets a chance to say so."""
    if process.poll() is None:
        whole = [*psutil.Process(process.pid).children(recursive=True), process]
        for one in whole:
            os.kill(one.pid, 9)
    process.wait()


@pytest.mark.timeout(600)
@pytest.mark.slow  # four interpreters start one after another, under a Prefect server
def test_after_a_crash_the_next_trigger_starts_and_nothing_stays_open(
    host, project, add_small_problem, on_server
):
    add_small_problem(project, "small")
    settings, ledger = project.settings("small"), project.ledger
    first = loop.request(project, settings, trigger="first", reason="x")

    def it_runs():
        row = ledger.retune(first.id)
        return row.status == "running" and row.details.get("flow_run")

    crashing = host()
    flow_run = wait_for(it_runs, seconds=240)
    crash(crashing)
    assert ledger.retune(first.id).status == "running"
    assert not ledger.is_leased("small")  # at once: its process is gone
    assert on_server.read_flow_run(UUID(flow_run)).state.is_running()  # what Prefect believes
    assert project.registry("small").version_of(CHAMPION) is None

    new = ledger.request_retune("new", "small", trigger="drift", reason="x", through="first")
    host()

    def it_has_ended():
        row = ledger.retune(new.id)
        return row.status not in {"queued", "running"} and row

    assert wait_for(it_has_ended, seconds=240).status == "promoted"
    assert ledger.retune(first.id).merged_into == "new"
    assert project.registry("small").version_of(CHAMPION) is not None
    assert on_server.read_flow_run(UUID(flow_run)).state.is_crashed()
    assert not project.tracker.running("small")
