"""Worker processes: one table for all, no core used twice, a dead one costs a fold at most."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from driftune.errors import UsageError, WorkerLost
from driftune.tuning.executors import get_executor
from driftune.tuning.executors.local import LocalExecutor
from driftune.tuning.fold_work import FoldOrder, TrialCut


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # an ended process may wait for its parent to notice
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


@pytest.fixture(scope="module")
def pool(work):
    with LocalExecutor(workers=2).open(work, n_jobs=4) as pool:
        yield pool


def test_workers_share_the_cores_and_the_table(pool, work):
    scores = [pool.submit(FoldOrder({"wait": 0.3, "guess": 1.0}, n)) for n in (0, 1, 0, 1)]
    scores = [future.result(60) for future in scores]
    assert (pool.slots, pool.trials) == (2, 2)
    assert {score.best_iteration for score in scores} == {2}, "threads of each: 4 cores, 2 workers"
    assert {score.model_kb for score in scores} == {0.001}, "the table is mapped, not copied"
    pids = {score.latency_us / 1e6 for score in scores}
    assert len(pids) == 2
    assert float(os.getpid()) not in pids
    y = work.table.y
    assert scores[0].score == pytest.approx(np.sqrt(np.mean((y[20:] - 1.0) ** 2)))


def test_no_more_workers_than_cores(work):
    with LocalExecutor(workers=8).open(work, n_jobs=2) as pool:
        assert pool.slots == 2


def test_a_dead_worker_costs_nothing_a_second_death_the_fold(pool, tmp_path):
    once = FoldOrder({"die": str(tmp_path / "once")}, 0)
    assert not pool.submit(once).result(60).cut
    twice = pool.submit(FoldOrder({"die": str(tmp_path / "twice"), "deaths": 9}, 0))
    with pytest.raises(WorkerLost, match=r"SIGKILL.*tuning\.workers"):
        twice.result(60)
    assert (tmp_path / "twice").read_text() == "xx"
    assert not pool.submit(FoldOrder({}, 1)).result(60).cut, "the pool goes on"


def test_what_a_fit_raises_arrives(pool):
    with pytest.raises(ValueError, match="too wide"):
        pool.submit(FoldOrder({"fail": "too wide"}, 0)).result(60)


def test_a_deadline_and_a_revoked_fit_end_at_the_next_round(pool, tmp_path):
    late = pool.submit(FoldOrder({"wait": 60}, 0, end=time.time() + 0.1))
    assert late.result(30).cut
    began = tmp_path / "began"
    future = pool.submit(FoldOrder({"wait": 60, "began": str(began)}, 0))
    wait_until(began.exists)
    pool.revoke(future)
    with pytest.raises(TrialCut):
        future.result(10)


def test_leaving_ends_everything(work, tmp_path):
    with LocalExecutor(workers=2).open(work, n_jobs=2) as pool:
        folder = pool._folder
        began = tmp_path / "began"
        running = pool.submit(FoldOrder({"wait": 60, "began": str(began)}, 0))
        waiting = [pool.submit(FoldOrder({"wait": 60}, 0)) for _ in range(3)]
        wait_until(lambda: began.exists() and began.read_text())
        started = time.monotonic()
    assert time.monotonic() - started < 10
    for future in (running, *waiting):
        with pytest.raises(TrialCut):
            future.result(1)
    with pytest.raises(TrialCut):
        pool.submit(FoldOrder({}, 0))
    wait_until(lambda: not is_running(int(began.read_text())))
    assert not folder.exists()


ORPHAN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import make_work
from driftune.tuning.executors.local import LocalExecutor
from driftune.tuning.fold_work import FoldOrder

with LocalExecutor(workers=2).open(make_work(), n_jobs=2) as pool:
    Path(sys.argv[2]).write_text(str(pool._folder))
    pool.submit(FoldOrder({"wait": 600, "began": sys.argv[3]}, 0)).result()
"""


def test_a_killed_parent_leaves_no_worker_and_no_file(tmp_path):
    folder, began = tmp_path / "folder", tmp_path / "began"
    here = str(Path(__file__).parent)
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, here, str(folder), str(began)])
    wait_until(lambda: began.exists() and began.read_text(), 60)
    worker = int(began.read_text())
    assert is_running(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not is_running(worker))
    wait_until(lambda: not Path(folder.read_text()).exists())


def test_settings_that_cannot_work_are_named():
    with pytest.raises(UsageError, match=r"tuning\.workers is 0"):
        get_executor("local", workers=0)
    with pytest.raises(UsageError, match=r"executor join.*DRIFTUNE_STUDY_URL"):
        get_executor("join")
