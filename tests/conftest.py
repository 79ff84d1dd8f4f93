"""What every test stands on: a clean environment, loopback only, and projects to throw away."""

import os
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest

from driftune.environment import set_defaults

REPOSITORY = Path(__file__).resolve().parents[1]
LOOPBACK = ["127.0.0.1", "::1", "localhost"]
FOREIGN = ("DRIFTUNE_", "LITELLM_", "MLFLOW_", "PREFECT_")
KEYS = ("_API_KEY", "_API_BASE", "_API_TOKEN", "_ACCESS_KEY")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Forget what the developer's shell says before anything heavy is imported."""
    config.option.allow_hosts = ",".join(LOOPBACK)  # read by pytest-socket in the next hook
    config.option.allow_unix_socket = True
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.endswith(KEYS):
            del os.environ[name]
    set_defaults()


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory):
    """An empty MLflow store: made once, because its migrations take seconds."""
    from driftune.tracking import Tracker

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Tracker(f"sqlite:///{path}").client.search_experiments()
    with sqlite3.connect(path) as connection:  # what is still in the write-ahead log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def make_project(mlflow_database):
    """Return a function that lays out a project in a folder, with this repository's code."""

    def make(folder):
        for name in ("pyproject.toml", ".dvcignore", ".dvc/config"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
        shutil.copytree(REPOSITORY / "conf", folder / "conf")
        for name in ("pipelines", "flows"):
            (folder / name).symlink_to(REPOSITORY / name)
        (folder / ".driftune").mkdir()
        shutil.copy(mlflow_database, folder / ".driftune" / "mlflow.db")
        return folder

    return make


def enter(folder, patch):
    """Make ``folder`` the project of this process and of those that it starts."""
    from driftune.project import Project

    patch.chdir(folder)
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # that of another part's tests
    patch.setenv("DRIFTUNE_PROJECT", str(folder))
    patch.setenv("PREFECT_HOME", str(folder / ".driftune" / "prefect"))
    return Project.find()


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory):
    """The API of a real Prefect server on a free port, one for all tests: it starts in 15 s."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_HOME,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    from flows.server import reachable_server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("PREFECT_API_URL", url)
        ours = {PREFECT_API_URL: url, PREFECT_HOME: home, PREFECT_LOGGING_TO_API_ENABLED: False}
        with temporary_settings(ours), reachable_server(home):
            patch.delenv("PREFECT_API_URL")
            yield url


@pytest.fixture
def on_server(prefect_url, monkeypatch):
    """Let this test's flows, and the processes that it starts, use the server; none is left on it.

    Gives a client.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    with temporary_settings({PREFECT_API_URL: prefect_url}), get_client(sync_client=True) as client:
        yield client
        for made in client.read_deployments():
            client.delete_resource_owned_automations(f"prefect.deployment.{made.id}")
            client.delete_deployment(made.id)


@pytest.fixture
def project(make_project, tmp_path, monkeypatch):
    """A project of the test's own, with the problem ``tiny`` and nothing done yet."""
    return enter(make_project(tmp_path / "project"), monkeypatch)


@pytest.fixture(scope="module")
def module_project(make_project, tmp_path_factory):
    """A project that the tests of one file share."""
    with pytest.MonkeyPatch.context() as patch:
        yield enter(make_project(tmp_path_factory.mktemp("shared") / "project"), patch)


SMALL_PROBLEM = """\
target: y
metric: rmse
time: at
rows: data/{name}/first.parquet
batches: data/{name}/batches
tuning: {{family: linear, folds: 2, budget: {{max_trials: 2, max_seconds: null}}}}
policy: {{k: 1, m: 1, cooldown: 0, warm_up: 0}}
gate: {{holdout: 0.2, min_rows: 50, refit: false}}
"""


@pytest.fixture(scope="session")
def add_small_problem():
    """Return a function that adds a problem of 400 rows and a linear model to a project.

    Its batches ``b1``, ``b2``, ... are made by the function that it returns: calm, or with the
    target's slope turned round, which no champion survives.
    """
    import numpy as np
    import pandas as pd

    def rows(n, start, slope):
        noise = np.random.default_rng(start).normal(size=(n, 2))
        at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(start, start + n), "h")
        return pd.DataFrame({"at": at, "x": noise[:, 0], "y": slope * noise[:, 0] + noise[:, 1]})

    def add(project, name):
        folder = project.root / "data" / name
        (folder / "batches").mkdir(parents=True)
        rows(400, 0, 5).to_parquet(folder / "first.parquet", index=False)
        file = project.root / "conf" / "problems" / f"{name}.yml"
        file.write_text(SMALL_PROBLEM.format(name=name))

        def deliver(number, *, drifted):
            table = rows(200, 1000 * number, -5 if drifted else 5)
            table.to_parquet(folder / "batches" / f"b{number}.parquet", index=False)

        return deliver

    return add
