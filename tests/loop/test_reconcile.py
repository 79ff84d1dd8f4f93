"""Reconcile: what a kill leaves open is closed, once, and what lives is left alone."""

import os
import signal
from multiprocessing import get_context

import optuna

from driftune import loop
from driftune.ledger import Ledger, RetuneRow
from driftune.tuning.storage import TRIAL_WORKER, open_storage, register_worker, worker_name


def die_in_a_trial(ledger_url, study_url):
    """Take the lease, begin a trial, and be killed in it."""
    ledger = Ledger(ledger_url)
    lease = ledger.lease("tiny")
    ledger.set_retune("r", "running", lease=lease)
    study = optuna.create_study(study_name="tiny-abc", storage=open_storage(study_url))
    register_worker(study)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr(TRIAL_WORKER, worker_name())
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_retune_leaves_neither_lease_nor_trial_and_waits_for_its_next_run(project):
    settings = project.settings("tiny")
    project.ledger.request_retune("r", "tiny", trigger="drift", reason="x")
    arguments = (project.ledger_url, project.study_storage)
    killed = get_context("spawn").Process(target=die_in_a_trial, args=arguments)
    killed.start()
    killed.join()
    done = loop.reconcile(project, settings)
    assert len(done) == 2
    study = optuna.load_study(study_name="tiny-abc", storage=project.study_storage)
    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["FAIL", "WAITING"]  # its configuration is tried once more
    assert not project.ledger.is_leased("tiny")
    assert [row.id for row in loop.due_retunes(project, settings)] == ["r"]
    assert loop.reconcile(project, settings) == []


def test_what_lives_is_left_alone(project):
    settings = project.settings("tiny")
    project.ledger.request_retune("r", "tiny", trigger="drift", reason="x")
    with loop.claim(project, settings, "r"):
        project.ledger.request_retune("later", "tiny", trigger="drift", reason="x")
        assert loop.reconcile(project, settings) == []
        assert project.ledger.is_leased("tiny")
        assert loop.due_retunes(project, settings) == []
    assert project.ledger.retune("r").status == "running"


def test_a_waiting_search_is_not_merged_into_a_recall(project):
    settings = project.settings("tiny")
    project.ledger.request_retune("search", "tiny", trigger="drift", reason="x")
    with project.ledger.engine.begin() as connection:
        connection.execute(
            RetuneRow.__table__.insert().values(
                id="recall", problem="tiny", trigger="drift", action="recall", reason="x",
                status="queued", details={},
            )
        )  # fmt: skip
    assert loop.reconcile(project, settings) == []
    assert len(project.ledger.open_retunes("tiny")) == 2
