"""Two Dask worker processes: folds fan out, a dead worker's are done by the other, errors name."""

import os
import signal
import time

import distributed
import numpy as np
import pandas as pd
import pytest

from driftune.errors import ServiceUnavailable, UsageError
from driftune.problem import Problem
from driftune.tuning import Budget, tune
from driftune.tuning.executors.dask import ADDRESS, DaskExecutor
from driftune.tuning.fold_work import FoldOrder
from driftune.tuning.objective import TrialCut

FAST = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.3},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
}


def make_cluster():
    return distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
    )


@pytest.fixture(scope="module")
def cluster():
    with make_cluster() as cluster:
        yield cluster


@pytest.fixture
def pool(cluster, work):
    with DaskExecutor(cluster.scheduler_address).open(work, n_jobs=1) as pool:
        yield pool


def wait_until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


def test_folds_fan_out_over_the_workers(pool, work):
    futures = [pool.submit(FoldOrder({"wait": 0.5, "guess": 1.0}, n)) for n in (0, 1, 0, 1)]
    scores = [future.result(60) for future in futures]
    assert pool.slots == 2
    assert pool.trials == 2
    assert len({score.latency_us for score in scores}) == 2, "process ids"
    assert {score.best_iteration for score in scores} == {1}, "threads of a fit"
    y = work.table.y
    assert scores[1].score == pytest.approx(np.sqrt(np.mean((y[:20] - 1.0) ** 2)))


def test_what_a_fit_raises_arrives_and_a_deadline_holds(pool):
    with pytest.raises(ValueError, match="too wide"):
        pool.submit(FoldOrder({"fail": "too wide"}, 0)).result(60)
    assert pool.submit(FoldOrder({"wait": 60}, 0, end=time.time() + 0.1)).result(30).cut


def test_a_revoked_fit_and_an_ended_study_free_the_workers(cluster, work, tmp_path):
    began = [tmp_path / name for name in "ab"]
    with DaskExecutor(cluster.scheduler_address).open(work, n_jobs=1) as pool:
        long = [pool.submit(FoldOrder({"wait": 99, "began": str(file)}, 0)) for file in began]
        wait_until(lambda: all(file.exists() for file in began))
        pool.revoke(long[0])
        assert not pool.submit(FoldOrder({}, 1)).result(30).cut, "its worker is free again"
    with pytest.raises(TrialCut):
        long[1].result(1)
    with DaskExecutor(cluster.scheduler_address).open(work, n_jobs=1) as pool:
        futures = [pool.submit(FoldOrder({"wait": 0.5}, 0)) for _ in range(2)]
        pids = {future.result(30).latency_us for future in futures}
    assert len(pids) == 2, "both are"


def table(n=400):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["y"] = frame["a"] * 2 + rng.normal(size=n)
    return Problem(name="small", target="y", metric="rmse"), frame


@pytest.mark.slow  # two new processes import LightGBM
def test_a_study_on_two_worker_processes(cluster, monkeypatch):
    monkeypatch.setenv(ADDRESS, cluster.scheduler_address)
    budget = Budget(max_trials=6, max_seconds=None)
    problem, frame = table()
    result = tune(problem, frame, space=FAST, budget=budget, executor="dask", pruning="none")
    assert result.trials["state"].tolist() == ["COMPLETE"] * 6
    again = tune(
        problem, frame, space=FAST, budget=Budget(max_trials=1), pruning="none",
        warm_start=[result.best_params],
    )  # fmt: skip
    assert again.best_value == pytest.approx(result.best_value), "the same fits as here"


@pytest.mark.slow  # Dask starts four processes, and one again
def test_the_folds_of_a_killed_worker_are_done_by_another(work, tmp_path):
    with (
        make_cluster() as cluster,
        DaskExecutor(cluster.scheduler_address).open(work, n_jobs=1) as pool,
    ):
        began = [tmp_path / str(n) for n in range(4)]
        orders = [FoldOrder({"wait": 1, "began": str(file)}, 0) for file in began]
        futures = [pool.submit(order) for order in orders]
        wait_until(lambda: began[0].exists() and began[0].read_text())
        os.kill(int(began[0].read_text()), signal.SIGKILL)
        assert [future.result(90).cut for future in futures] == [False] * 4


def test_a_table_that_died_with_its_only_worker_is_sent_again(work, tmp_path):
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        DaskExecutor(cluster.scheduler_address).open(work, n_jobs=1) as pool,
    ):
        future = pool.submit(FoldOrder({"die": str(tmp_path / "once")}, 0))
        assert not future.result(90).cut


def test_no_cluster_is_an_error_that_names_the_setting(monkeypatch, work):
    monkeypatch.delenv(ADDRESS, raising=False)
    with pytest.raises(UsageError, match=rf"tuning\.dask_address.*{ADDRESS}"):
        DaskExecutor().open(work, n_jobs=1).__enter__()
    monkeypatch.setattr("driftune.tuning.executors.dask.SECONDS", 1)
    with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1:1 \(tuning\.dask_address"):
        DaskExecutor("tcp://127.0.0.1:1").open(work, n_jobs=1).__enter__()


@pytest.mark.slow  # Dask gives a lost scheduler time to come back
def test_a_cluster_that_goes_away_ends_the_study_and_keeps_its_trials(tmp_path, monkeypatch):
    monkeypatch.setattr("driftune.tuning.executors.dask.SECONDS", 3)
    problem, frame = table()
    settings = {"space": FAST, "pruning": "none", "storage": tmp_path / "study.db"}
    with make_cluster() as cluster:

        def end_cluster(event):
            if event.number == 3:
                cluster.close()

        with pytest.raises(ServiceUnavailable, match=r"tuning\.dask_address"):
            tune(
                problem, frame, executor="dask", dask_address=cluster.scheduler_address,
                budget=Budget(max_trials=50, max_seconds=None), on_progress=end_cluster, **settings,
            )  # fmt: skip
    trials = tune(problem, frame, budget=Budget(max_trials=8), **settings).trials
    assert (trials["state"] == "COMPLETE").sum() == 8
    assert set(trials["failure"].dropna()) <= {"interrupted"}, "no trial is spent on it"
