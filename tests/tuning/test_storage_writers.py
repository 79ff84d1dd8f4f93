"""The storage of studies: many writers, lost trials, databases that do not answer."""

import os
import socket
import subprocess
import sys
from threading import Barrier, Thread

import optuna
import pytest

from driftune.errors import MissingPackage, ServiceUnavailable, UsageError
from driftune.tuning.storage import (
    TRIAL_WORKER,
    WORKER,
    fail_abandoned,
    open_storage,
    register_worker,
    worker_name,
)

WRITER = """
import sys
import optuna
from driftune.tuning.storage import open_storage

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(
    study_name="shared", storage=open_storage(sys.argv[1]), load_if_exists=True,
    sampler=optuna.samplers.RandomSampler(),
)

def objective(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("diagnostics", {"x": x})
    study.get_trials(deepcopy=False)
    return x

study.optimize(objective, n_trials=int(sys.argv[2]))
"""
GONE = f"{socket.gethostname()}:999999999"


@pytest.mark.slow  # four processes of 40 trials each; 200 went well too
def test_four_writers_on_one_file_lose_nothing_and_are_never_locked_out(tmp_path):
    path = str(tmp_path / "shared.db")
    command = [sys.executable, "-W", "ignore", "-c", WRITER, path, "40"]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [writer.communicate(timeout=280)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4, said
    assert not any("locked" in text or "Error" in text for text in said)
    trials = optuna.load_study(study_name="shared", storage=open_storage(path)).trials
    assert [trial.number for trial in trials] == list(range(160))
    assert all(t.state.name == "COMPLETE" and t.value == t.params["x"] for t in trials)


@pytest.fixture
def study(tmp_path):
    return optuna.create_study(storage=open_storage(tmp_path / "study.db"))


def ask(study, worker, **attributes):
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr(TRIAL_WORKER, worker)
    for name, value in attributes.items():
        trial.set_user_attr(name, value)
    return trial


def states(study):
    return [trial.state.name for trial in study.trials]


def test_a_write_of_another_process_is_seen_at_once(study, tmp_path):
    other = optuna.load_study(
        study_name=study.study_name, storage=open_storage(tmp_path / "study.db")
    )
    assert study.trials == []
    for n in range(1, 4):
        other.add_trial(optuna.create_trial(value=float(n)))
        assert [trial.value for trial in study.trials] == [float(k) for k in range(1, n + 1)]
    study.set_user_attr("a", 1)
    assert other.user_attrs == {"a": 1}


def test_lost_trials_are_failed_and_queued_once_more(study):
    study.set_user_attr(f"{WORKER}{GONE}", True)
    lost = ask(study, GONE)
    here = ask(study, f"{socket.gethostname()}:{os.getppid()}")
    elsewhere = ask(study, "another-host:1")
    assert fail_abandoned(study) == 1
    assert states(study) == ["FAIL", "RUNNING", "RUNNING", "WAITING"]
    again = ask(study, GONE)
    assert again.params == lost.params
    assert fail_abandoned(study) == 1
    assert states(study) == ["FAIL", "RUNNING", "RUNNING", "FAIL"], "not a third time"
    assert {here.number, elsewhere.number} == {1, 2}


def test_a_trial_that_had_failed_before_its_process_ended_is_not_run_again(study):
    ask(study, GONE, **{"driftune:failure": "ValueError: too wide"})
    fail_abandoned(study)
    assert states(study) == ["FAIL"]


def test_a_process_finds_what_its_predecessor_of_the_same_number_left(study):
    """As after the restart of a container, whose first process always has the number 1."""
    register_worker(study)
    ask(study, worker_name())
    assert fail_abandoned(study) == 1


def test_of_many_threads_one_gets_a_waiting_trial(study):
    study.enqueue_trial({"x": 0.5})
    trial_id = study.trials[0]._trial_id
    won, at_once = [], Barrier(4)

    def claim():
        at_once.wait()
        won.append(study._storage.set_trial_state_values(trial_id, optuna.trial.TrialState.RUNNING))

    threads = [Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]


def test_storages_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(UsageError, match="storage"):
        open_storage("postgresql://user@host:port/database")
    with pytest.raises(MissingPackage, match="mssql"):
        open_storage("mssql+pymssql://user@host/database")
    with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1:1/studies"):
        open_storage("postgresql://user:secret@127.0.0.1:1/studies")
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and long enough to be read as one" * 99)
    with pytest.raises(ServiceUnavailable, match=r"notes\.txt"):
        open_storage(text)
