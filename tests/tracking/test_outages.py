"""MLflow down, slow, or broken in the middle: no trial is lost, none doubled, none waits long."""

import logging
import random
import time

import pytest

from driftune.errors import ServiceUnavailable
from driftune.tracking import Tracker, client
from driftune.tracking import tracker as tracking


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """Pauses of a test, not of a night."""
    monkeypatch.setattr(client, "PAUSES", (0.05, 0.05))


def test_a_sound_server_gets_a_study_in_few_requests(
    tracker, server, problem, make_study, assert_whole
):
    study = make_study(12)
    assert tracker.track(problem, "r", study, {"driftune.data_version": "v"})
    assert server.faults.requests <= 3 * 12 + 8
    assert tracker.spool.files() == []
    assert_whole(tracker, problem, study)


@pytest.mark.parametrize("fault", ["down", "reset", "lost"])
@pytest.mark.parametrize("seed", [0, 1])
def test_faults_in_the_middle_lose_and_double_nothing(
    tracker, server, problem, make_study, assert_whole, fault, seed
):
    dice = random.Random(seed)
    server.faults.fault = lambda number, path: fault if dice.random() < 0.2 else None
    study = make_study(6)
    written = tracker.track(problem, "r", study, {})
    assert written == (tracker.spool.files() == [])
    server.faults.clear()
    tracker.replay()
    assert tracker.spool.files() == []
    assert_whole(tracker, problem, study)


def test_one_fault_is_got_over_at_once(tracker, server, problem, make_study, assert_whole):
    server.faults.fault = lambda number, path: "lost" if number == 7 else None
    study = make_study(4)
    assert tracker.track(problem, "r", study, {})
    assert_whole(tracker, problem, study)


def test_a_server_that_is_down_delays_no_study_and_gets_it_later(
    tracker, server, problem, make_study, assert_whole, caplog
):
    study = make_study(5)
    server.stop()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert not tracker.track(problem, "r", study, {})
    server.start()
    assert time.monotonic() - began < 5
    assert str(tracker.spool.folder) in caplog.text
    assert "driftune reconcile" in caplog.text
    second = make_study(3, "s-2")
    assert tracker.track(problem, "next", second, {})  # the next study brings both
    assert tracker.spool.files() == []
    assert_whole(tracker, problem, study)
    assert_whole(tracker, problem, second, "next")


def test_a_server_that_hangs_holds_a_study_for_its_limit_only(
    tracker, server, problem, make_study, assert_whole, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(tracking, "STUDY_SECONDS", 1.0)
    server.faults.fault = lambda number, path: "late"
    study = make_study(5)
    began = time.monotonic()
    assert not tracker.track(problem, "r", study, {})
    assert time.monotonic() - began < 4
    server.faults.clear()
    tracker.replay()
    assert_whole(tracker, problem, study)


def test_runs_that_a_server_makes_after_it_was_given_up_are_not_left_double(
    tracker, server, problem, make_study, assert_whole, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    tracker.retune_run(problem, "r")
    server.faults.requests = 0
    made = "/api/2.0/mlflow/runs/create"
    server.faults.fault = lambda number, path: "late" if path == made and number < 9 else None
    study = make_study(4)
    tracker.track(problem, "r", study, {})
    time.sleep(server.faults.delay)  # until what timed out is made
    server.faults.clear()
    tracker.hand_over(client_record(problem, study))
    tracker.replay()
    assert_whole(tracker, problem, study)


def client_record(problem, study):
    from driftune.tracking import study_record

    return study_record(problem, "r", study)


def test_a_slow_server_gets_what_time_allows_and_the_rest_later(
    tracker, server, problem, make_study, assert_whole, monkeypatch
):
    monkeypatch.setattr(tracking, "STUDY_SECONDS", 1.5)
    server.faults.fault = lambda number, path: 0.2
    study = make_study(40)
    began = time.monotonic()
    assert not tracker.track(problem, "r", study, {})
    assert time.monotonic() - began < 4
    server.faults.clear()
    before = server.faults.requests
    tracker.replay()
    assert server.faults.requests - before < 3 * 40  # what is there is not written again
    assert_whole(tracker, problem, study)


def test_what_a_study_taught_waits_too_and_is_recalled_afterwards(tracker, server, problem):
    from driftune.sampler.experience import EarlierStudy

    found = EarlierStudy(problem, "s", problem, {"log_rows": 3.0}, [], 1.0)
    server.stop()
    tracker.experience(problem, "r").keep(found)
    assert tracker.experience(problem).recall(problem) == []
    server.start()
    assert tracker.experience(problem).recall(problem) == [found]
    assert tracker.spool.files() == []


def test_the_password_of_an_address_is_in_no_file_log_or_error(
    server, problem, make_study, secret, tmp_path, caplog, capfd
):
    address = f"http://me:{secret}@127.0.0.1:{server.port}"
    tracker = Tracker(address, None, tmp_path / "spool")
    errors = []
    with caplog.at_level(logging.DEBUG):
        for fault in ("down", "reset"):
            server.faults.fault = lambda number, path, fault=fault: fault
            assert not tracker.track(problem, "r", make_study(), {})
            for step in (tracker.running, tracker.experiment, lambda p: tracker.finish("x")):
                with pytest.raises(ServiceUnavailable) as caught:
                    step(problem)
                errors.append(str(caught.getrepr(style="short", chain=True)))
        server.stop()
        assert not tracker.track(problem, "r", make_study(), {})
        server.start()
    (file,) = tracker.spool.files()
    told = [file.read_text(), caplog.text, *errors, *capfd.readouterr()]
    assert not [text for text in told if secret in text]
    assert "127.0.0.1" in errors[0]


def test_the_users_own_settings_of_requests_are_back_afterwards(tracker, problem, monkeypatch):
    import os

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    tracker.experiment(problem)
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
