"""R6: two processes want to retune one problem, and the one that worked on it comes back late."""

import os
import signal
import subprocess
import sys
import time

import pytest

from driftune import loop
from driftune.promotion.registry import CHAMPION

LEASE_SECONDS = 8  # a busy machine may keep a thread from renewing for a second or two
OWNER = f"""
import sys
from driftune import loop
from driftune.errors import LeaseLost
from driftune.ledger import lease
from driftune.project import Project
lease.LEASE_SECONDS = {LEASE_SECONDS}
project = Project.find()
settings = project.settings("small")
try:
    with loop.claim(project, settings, "mine") as run:
        if len(sys.argv) > 1:
            run.validate(); run.make_features(); run.tune()
            version = run.train()
            verdict = run.judge(version)
        print("ready", flush=True)
        sys.stdin.readline()
        run.conclude(version, verdict)
        print("promoted")
except LeaseLost as error:
    print("fenced off:", error)
"""


@pytest.fixture
def owner(project, add_small_problem):
    """Start the owner of the retune `mine`; returns it when it is about to promote its model."""
    add_small_problem(project, "small")
    project.ledger.request_retune("mine", "small", trigger="drift", reason="x", through="first")
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        for line in process.stdout:
            if line == "ready\n":
                return process
        raise AssertionError("the owner ended early")

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(project, name):
    return project.ledger.request_retune(
        name, "small", trigger="drift", reason="x", through="first"
    )


def wait_for_the_end_of_the_lease(project):
    """Return how many seconds it took."""
    began = time.monotonic()
    while project.ledger.is_leased("small"):
        assert time.monotonic() < began + LEASE_SECONDS + 2
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.slow  # two whole retunes, one of them in a process of its own
def test_a_stopped_owner_is_succeeded_and_cannot_promote_when_it_wakes(owner, project):
    settings = project.settings("small")
    sleeper = owner("train first")
    ask(project, "meanwhile")
    assert loop.carry_out(project, settings, "meanwhile").merged_into == "mine"
    os.kill(sleeper.pid, signal.SIGSTOP)
    ask(project, "heir")
    wait_for_the_end_of_the_lease(project)
    heir = loop.carry_out(project, settings, "heir")
    assert heir.status == "promoted"
    assert project.ledger.retune("mine").merged_into == "heir"
    registry = project.registry("small")
    assert registry.versions() == [1, 2]
    assert registry.version_of(CHAMPION) == 2

    os.kill(sleeper.pid, signal.SIGCONT)
    said, _ = sleeper.communicate("go on\n", timeout=60)
    assert said.startswith("fenced off")
    assert registry.version_of(CHAMPION) == 2
    assert [row.version for row in project.ledger.promotions("small")] == [2]
    assert project.ledger.retune("mine").merged_into == "heir"


def test_a_killed_owner_is_succeeded_at_once(owner, project):
    working = owner()
    settings = project.settings("small")
    assert loop.due_retunes(project, settings) == []
    with loop.claim(project, settings, "mine") as run:
        assert run is None
    working.kill()
    working.wait()
    assert [row.id for row in loop.due_retunes(project, settings)] == ["mine"]
    with loop.claim(project, settings, "mine") as run:
        assert run is not None


def test_an_owner_that_only_sleeps_is_left_alone_for_as_long_as_its_lease_lasts(owner, project):
    working = owner()
    os.kill(working.pid, signal.SIGSTOP)
    assert project.ledger.is_leased("small")
    assert project.ledger.release_dead() == []
    assert wait_for_the_end_of_the_lease(project) > LEASE_SECONDS / 2
