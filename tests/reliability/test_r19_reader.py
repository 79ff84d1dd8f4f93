"""R19: whoever loads the champion meets a whole, valid version at every instant.

A reader in a process of its own loads ``models:/shop@champion`` twenty times a second, with plain
MLflow, while champions are promoted, taken back, and changes are killed half way.
"""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from driftune import loop
from driftune.promotion.registry import CHAMPION, PREVIOUS, Registry
from driftune.tracking import Tracker

PER_SECOND = 20
READER = """
import json, sys, time
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
rows = pd.DataFrame({"x": [1.0]})
mlflow.sklearn.load_model("models:/shop@champion")  # imports
print("ready", flush=True)
due = time.monotonic()
while True:
    began = time.monotonic()
    try:
        said = float(mlflow.sklearn.load_model("models:/shop@champion").predict(rows)[0])
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([said, time.monotonic() - began]), flush=True)
    due = max(due + 1 / float(sys.argv[2]), time.monotonic())
    time.sleep(max(0.0, due - time.monotonic()))
"""
KILLED = """
import os, signal, sys
from driftune.project import Project
from driftune.promotion.registry import Registry
from driftune.loop.succession import succession
client = type(Registry(sys.argv[1], "shop").client)
write = client.set_registered_model_alias
def killed(self, name, alias, version):
    if alias == "champion":
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, name, alias, version)
client.set_registered_model_alias = killed
project = Project.find()
with succession(project, project.settings("tiny").model_copy(update={"name": "shop"})) as change:
    change.change(int(sys.argv[2]), kind="promotion", reason="x")
"""


class Constant:
    """A model whose answer is its number."""

    feature_names_in_ = np.array(["x"])

    def __init__(self, number):
        self.number = number

    def predict(self, rows):
        return np.full(len(rows), float(self.number))


@pytest.fixture
def served(project, mlflow_database):
    """Three versions, of which the first serves."""
    tracker = Tracker(project.tracking_uri, project.state / "artifacts")
    registry = Registry(tracker.uri, "shop")
    example = pd.DataFrame({"x": [1.0]})
    for number in (1, 2, 3):
        made = registry.register(
            Constant(number), example,
            run_id=tracker.retune_run("shop", f"r{number}"), retune_id=f"r{number}", tags={},
        )  # fmt: skip
        assert made == number
        registry.tag(number, driftune__reference="{}")
    settings = project.settings("tiny").model_copy(update={"name": "shop"})
    loop.promote(project, settings, 1, "the first")
    return project, settings, registry


@pytest.fixture
def reader(served):
    """Start the reader; calling it stops it and returns what it met."""
    project, _, _ = served
    command = [sys.executable, "-c", READER, project.tracking_uri, str(PER_SECOND)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project.root)
    assert process.stdout.readline().strip() == "ready"

    def stop():
        process.terminate()
        return [json.loads(line) for line in process.communicate()[0].splitlines() if line]

    yield stop
    process.kill()
    process.wait()


def test_a_reader_sees_only_valid_versions_through_promotions_and_rollbacks(served, reader):
    project, settings, registry = served
    began, rollbacks = time.monotonic(), []
    for _ in range(3):
        for version in (2, 3):
            loop.promote(project, settings, version, "better")
        before = time.monotonic()
        assert loop.roll_back(project, settings) == (2, 3)
        rollbacks.append(time.monotonic() - before)
        loop.roll_back(project, settings, to=1)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, project.tracking_uri, "3"], cwd=project.root, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (registry.version_of(CHAMPION), registry.version_of(PREVIOUS)) == (1, 1)
    assert len(loop.reconcile(project, settings)) >= 1
    assert (registry.version_of(CHAMPION), registry.version_of(PREVIOUS)) == (3, 1)
    seconds = time.monotonic() - began
    met = reader()
    wrong = [said for said, _ in met if said not in (1.0, 2.0, 3.0)]
    assert wrong == []
    assert {said for said, _ in met} == {1.0, 2.0, 3.0}
    assert len(met) > seconds  # of twenty each; the rest is for a machine with other work
    assert max(rollbacks) < 5
    last = project.ledger.promotions("shop")[-1]
    assert (last.version, last.previous) == (3, 1)


def test_the_command_takes_less_than_five_seconds(served):
    """From the shell to the exit, with all imports; of processor time, as others may be busy.

    On a machine that is so busy that MLflow's import alone takes longer, three times that import.
    """
    project, settings, registry = served
    loop.promote(project, settings, 2, "better")
    problem = project.root / "conf/problems/shop.yml"
    problem.write_text("extends: ../test/problems/tiny.yml\n", encoding="utf-8")
    least, _ = seconds_of(project, "import mlflow")
    wanted = ["rollback", "shop", "--reason", "slow", "--by", "Ana", "--json"]
    spent, said = seconds_of(project, "from driftune.cli import main; main()", *wanted)
    assert json.loads(said) == {
        "problem": "shop",
        "champion": 1,
        "taken_back": 2,
        "pause_batches": settings.policy.cooldown,
    }
    assert spent < max(5, 3 * least)
    assert registry.version_of(CHAMPION) == 1
    assert project.ledger.promotions("shop")[-1].reason == "slow (by Ana)"


def seconds_of(project, code, *words):
    """Run a program; return its processor time and what it printed."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=project.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = os.times()
    assert done.returncode == 0, done.stdout + done.stderr
    spent = [later - earlier for earlier, later in zip(before, after, strict=True)]
    return spent[2] + spent[3], done.stdout
