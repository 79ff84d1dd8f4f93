"""A real MLflow server in this process, in front of it a fault that a test chooses."""

import os
import shutil
import socket
import threading
import time

import pandas as pd
import pytest

from driftune.tracking import Tracker
from driftune.tuning import TuningResult

SECRET = "hunter2-planted"


class Faults:
    """WSGI middleware: ``fault(number of the request, its path)`` says what goes wrong.

    ``down``: answers 503. ``reset``: closes the connection, nothing done. ``lost``: does what was
    asked, then closes the connection. ``late``: as ``lost``, but only after ``delay`` seconds. A
    number: answers after so many seconds.
    """

    def __init__(self, app):
        self.app = app
        self.requests = 0
        self.delay = 1.5
        self.clear()

    def clear(self):
        self.fault = lambda number, path: None

    def __call__(self, environ, start_response):
        self.requests += 1
        fault = self.fault(self.requests, environ["PATH_INFO"])
        if fault == "down":
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"maintenance"]
        if fault == "late" or isinstance(fault, int | float):
            time.sleep(self.delay if fault == "late" else fault)
        answer = [] if fault == "reset" else self.app(environ, start_response)
        if fault in ("reset", "lost", "late"):
            list(answer)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        return answer


class Server:
    """A server that can be stopped, and started again at the same address."""

    def __init__(self, app):
        self.faults = Faults(app)
        self.port = 0
        self.start()

    @property
    def uri(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, *_):
                pass

        self._server = make_server(
            "127.0.0.1", self.port, self.faults, threaded=True, request_handler=Quiet
        )
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def mlflow_server(mlflow_database, tmp_path_factory):
    """MLflow's own handlers over a store of this file's."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(mlflow_database, folder / "mlflow.db")
    before = dict(os.environ)
    from mlflow.server import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, app, handlers

    os.environ[BACKEND_STORE_URI_ENV_VAR] = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ[ARTIFACT_ROOT_ENV_VAR] = (folder / "artifacts").as_uri()
    handlers._tracking_store = handlers._model_registry_store = None
    handlers._get_tracking_store()  # sets MLFLOW_TRACKING_URI: now, not in the middle of a test
    handlers._get_model_registry_store()
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    server = Server(app)
    yield server
    server.stop()
    handlers._tracking_store = handlers._model_registry_store = None
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def server(mlflow_server):
    """The server without faults, running."""
    mlflow_server.faults.clear()
    mlflow_server.faults.requests = 0
    yield mlflow_server
    mlflow_server.faults.clear()


@pytest.fixture
def problem(request):
    """An experiment of the test's own in the server that all share."""
    return "".join(letter if letter.isalnum() else "_" for letter in request.node.name)[:60]


@pytest.fixture
def tracker(server, tmp_path):
    """A tracker of the server, with an empty spool."""
    return Tracker(server.uri, None, tmp_path / "spool")


@pytest.fixture
def local(mlflow_database, tmp_path):
    """A tracker of a database file, with an empty spool."""
    path = shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    return Tracker(f"sqlite:///{path}", tmp_path / "artifacts", tmp_path / "spool")


@pytest.fixture
def secret():
    """A password that was planted in addresses."""
    return SECRET


@pytest.fixture
def make_study():
    """Return a function that makes a finished study of so many trials."""
    return finished_study


@pytest.fixture
def assert_whole():
    """Return the check that MLflow has a study once and whole."""
    return check_whole


def finished_study(trials=5, name="s-1"):
    """A finished study: one trial pruned, one failed, the rest complete."""
    states = {1: "PRUNED", 2: "FAIL"}
    rows = [
        {
            "number": number, "state": states.get(number, "COMPLETE"),
            "value": float("nan") if number in states else 1.0 + number, "source": "tpe",
            "rationale": None, "duration": 2.0, "params": {"learning_rate": 0.1 + number},
            "spread": 0.2, "train_gap": None, "best_iteration": 50.0, "fit_seconds": 0.1,
            "model_kb": 12.0, "latency_us": 3.5, "memory_mb": 80.0,
            "failure": "ValueError: no rows" if number == 2 else None,
        }
        for number in range(trials)
    ]  # fmt: skip
    return TuningResult(
        problem="p", family="lightgbm", metric="rmse", direction="minimize",
        best_params={"learning_rate": 0.1}, best_value=1.0, best_rounds=50, rows=100, fold_rows=50,
        trials=pd.DataFrame(rows), by_source=[], stop_reason="trials", llm_cost_usd=0.0,
        llm_calls=0, study_name=name, seconds=9.0, seed=0,
        storage=f"postgresql://me:{SECRET}@db/studies",
    )  # fmt: skip


def runs_of(tracker, problem):
    """All runs of a problem that are not deleted."""
    return tracker.client.search_runs([tracker.experiment(problem)], max_results=1000)


def check_whole(tracker, problem, study, retune="r"):
    """One parent and each trial once, closed, with its numbers."""
    runs = runs_of(tracker, problem)
    (parent,) = [run for run in runs if run.data.tags.get("driftune.retune_id") == retune]
    assert parent.data.tags["driftune.study"] == study.study_name
    assert parent.data.metrics["validation_rmse"] == study.best_value
    mine = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    numbers = sorted(int(run.data.tags["driftune.trial"]) for run in mine)
    assert numbers == list(range(len(study.trials)))
    for run in mine:
        assert run.info.status in ("FINISHED", "KILLED", "FAILED")
        assert run.data.params["learning_rate"]
        assert run.data.metrics["model_kb"] == 12.0
