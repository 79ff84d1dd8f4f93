"""A replay that is killed anywhere is finished by the next; nothing blocks what comes after it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from driftune import doctor
from driftune.errors import DriftuneError
from driftune.tracking import RunRecord, study_record
from driftune.tracking.writing import Writer

WRITES = ("create_experiment", "create_run", "log_batch", "set_terminated")


class Killed(BaseException):
    """Nothing in our code handles it, as nothing handles SIGKILL."""


def killing(monkeypatch, call, *, before):
    """Kill at the so many-th write, before or after it is done; returns whether it came so far."""
    from mlflow import MlflowClient

    seen = {"writes": 0}

    def fatal(real):
        def write(self, *args, **kwargs):
            seen["writes"] += 1
            if before and seen["writes"] == call:
                raise Killed
            answer = real(self, *args, **kwargs)
            if seen["writes"] == call:
                raise Killed
            return answer

        return write

    for name in WRITES:
        monkeypatch.setattr(MlflowClient, name, fatal(getattr(MlflowClient, name)))


@pytest.mark.parametrize("before", [True, False])
def test_a_kill_at_any_write_is_finished_by_the_next_replay(
    local, make_study, assert_whole, before
):
    study, call, killed = make_study(2), 0, True
    while killed:
        call += 1
        problem = f"p{call}"
        local.hand_over(study_record(problem, "r", study))
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, call, before=before)
            try:
                local.replay()
                killed = False
            except Killed:
                assert len(local.spool.files()) == 1
        local.replay()
        assert local.spool.files() == []
        assert_whole(local, problem, study)
    assert call == 1 + 1 + 1 + 3 * 2 + 1  # experiment, parent, its batch, the children; then done


@pytest.mark.slow  # another process imports MLflow, which takes seconds
def test_sigkill_in_the_middle_of_a_replay(local, make_study, assert_whole):
    study = make_study(30)
    local.hand_over(study_record("p", "r", study))
    program = (
        "import sys; from pathlib import Path; from driftune.tracking import Tracker;"
        "Tracker(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])).replay()"
    )
    arguments = [local.uri, str(local.artifacts), str(local.spool.folder)]
    local.experiment("p")
    with subprocess.Popen([sys.executable, "-c", program, *arguments]) as process:
        deadline = time.monotonic() + 60
        while len(children(local)) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert 5 <= len(children(local)) < 30
    assert len(local.spool.files()) == 1
    local.replay()
    assert_whole(local, "p", study)


def children(tracker):
    return tracker.client.search_runs([tracker.experiment("p")], "tags.`driftune.trial` != ''")


def test_records_are_written_oldest_first(local, make_study, monkeypatch):
    order = []
    real = Writer.write

    def write(self, record, **how):
        order.append(record.retune_id)
        return real(self, record, **how)

    monkeypatch.setattr(Writer, "write", write)
    for at, name in ((3, "b"), (1, "c"), (2, "a")):
        local.hand_over(RunRecord("p", name, "study", at, {"driftune.study": name}))
    assert [record.retune_id for record in local.replay()] == ["c", "a", "b"]
    assert order == ["c", "a", "b"]


def test_a_record_that_mlflow_refuses_stays_and_holds_up_no_other(local, make_study, assert_whole):
    study = make_study()
    local.hand_over(RunRecord("p", "bad", "study", 1, {"not*allowed": "x"}))
    assert local.track("p", "r", study, {})
    assert_whole(local, "p", study)
    (left,) = local.spool.entries()
    assert left.record.retune_id == "bad"


def test_a_file_that_is_no_record_is_passed_over_and_the_doctor_sees_it(project, make_study):
    tracker = project.tracker
    tracker.hand_over(study_record("tiny", "r", make_study(4)))
    (tracker.spool.folder / "garbage.json").write_text('{"problem": "p"')
    (found,) = doctor.check_spool()
    assert found.state == "note"
    assert "4 trials" in found.said
    assert "1 more" in found.said
    assert [record.retune_id for record in tracker.replay()] == ["r"]
    assert len(tracker.spool.files()) == 1


def test_a_record_that_comes_during_the_replay_of_an_older_one_is_not_lost(
    local, make_study, assert_whole, monkeypatch
):
    longer = make_study(6)
    local.hand_over(study_record("p", "r", make_study(3)))
    real = Writer.write

    def write(self, record, **how):
        done = real(self, record, **how)
        monkeypatch.undo()
        local.hand_over(study_record("p", "r", longer))
        return done

    monkeypatch.setattr(Writer, "write", write)
    local.replay()
    assert len(local.spool.files()) == 1
    local.replay()
    assert_whole(local, "p", longer)


def test_two_replays_at_once_double_nothing(local, make_study, assert_whole):
    study = make_study(8)
    local.experiment("p")
    local.hand_over(study_record("p", "r", study))
    threads = [threading.Thread(target=local.replay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_whole(local, "p", study)


def test_a_full_disk_is_one_sentence(local, make_study, monkeypatch):
    local.spool.folder.parent.joinpath("spool").write_text("a file where the folder should be")
    with pytest.raises(DriftuneError, match="DRIFTUNE_STATE"):
        local.track("p", "r", make_study(), {})


def test_the_spool_has_no_address(local, make_study, secret):
    local.hand_over(study_record("p", "r", make_study()))
    (file,) = local.spool.files()
    assert secret not in file.read_text()
    assert json.loads(file.read_text())["trials"][1]["status"] == "KILLED"
