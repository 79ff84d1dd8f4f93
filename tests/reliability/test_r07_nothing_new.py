"""R7: the same command with nothing new does nothing, in seconds, and with no Prefect server."""

import json
import resource
import subprocess
import sys

import optuna
import pytest

HEAVY = ("great_expectations", "lightgbm", "litellm", "prefect")
RUN = f"""
import sys
from driftune.cli import main
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def small(module_project, add_small_problem):
    """A project with a champion, a calm batch that is decided about, and no Prefect server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # nobody listens there
        deliver = add_small_problem(module_project, "small")
        problem = module_project.root / "conf" / "problems" / "small.yml"
        text = problem.read_text().replace("family:", "language_model: scripted:tuner, family:")
        problem.write_text(text)
        deliver(1, drifted=False)
        first = driftune("retune", "small")
        assert first["status"] == "promoted"
        assert [row["outcome"] for row in driftune("watch", "small")] == ["no_drift"]
        yield module_project


def driftune(*words):
    """Run a command as a user does; returns its JSON."""
    done = call(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(*words):
    command = [sys.executable, "-c", RUN, *words, "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def work(project):
    """All that costs something."""
    storage = optuna.storages.RDBStorage(project.study_storage)
    studies = optuna.get_all_study_summaries(storage)
    return {
        "trials": sum(study.n_trials for study in studies),
        "calls": sum(row.calls for row in project.ledger.spend("small")),
        "replies": sorted((project.state / "replies").rglob("*")),
        "versions": project.registry("small").versions(),
        "retunes": [(row.id, row.attempts) for row in project.ledger.retunes("small")],
        "decisions": len(project.ledger.observations("small")),
    }


@pytest.mark.slow  # a retune and a watch in processes of their own come first
@pytest.mark.parametrize("command", ["retune", "watch"])
def test_the_same_again_is_a_no_op(small, command):
    again = ["watch", "small"] if command == "watch" else ["retune", "small"]
    call(*again)  # a retune has new rows since: the calm batch; whether it promotes is all one
    before = work(small)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = call(*again)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - used.ru_utime < 10  # seconds of CPU, nearly all of them imports
    assert work(small) == before
    assert done.stderr.splitlines()[-1] == "[]"  # none of the heavy packages was imported
    found = json.loads(done.stdout)
    assert found == [] if command == "watch" else found["nothing_new"]
