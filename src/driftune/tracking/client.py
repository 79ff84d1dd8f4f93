"""The way to MLflow: its client, how long it may take, and what its silence is called.

MLflow asks eight times over four minutes, 120 seconds each. Inside :func:`brisk` it asks once and
waits ten seconds; repeating is up to :func:`insist`, which repeats steps that are safe to repeat
(``create_run`` alone is not: its answer may be lost after the run was made).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from driftune.errors import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

T = TypeVar("T")
REQUEST_SECONDS = 10  # MLFLOW_HTTP_REQUEST_TIMEOUT sets another
PAUSES = (0.5, 1.0)  # seconds between attempts
REFUSED_FOR_NOW = (401, 403, 408, 429)  # besides 5xx: what the same request may get over
URL_NOTE = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"  # two lines, and a request, per run


def open_client(uri: str) -> MlflowClient:
    """Return a client with explicit URIs: nothing depends on MLflow's global state.

    Raises:
        ServiceUnavailable: The store is an SQLite file that is damaged.
    """
    import mlflow

    _refuse_damaged_store(uri)
    for name in ("alembic", "mlflow"):  # MLflow sets its own level when imported
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _refuse_damaged_store(uri: str) -> None:
    if uri.startswith("sqlite:"):
        from pathlib import Path

        from sqlalchemy.engine import make_url

        from driftune.sqlite_files import refuse_damaged_file

        refuse_damaged_file(
            Path(make_url(uri).database or ""), "MLflow's store",
            loss="knows no run and no model", setting="MLFLOW_TRACKING_URI",
        )  # fmt: skip


@contextmanager
def global_uri(uri: str) -> Iterator[None]:
    """Point MLflow's global state to ``uri``, for what takes no client.

    MLflow writes it into ``MLFLOW_TRACKING_URI`` and ``MLFLOW_REGISTRY_URI`` too, which would pass
    for the user's wish and win over the settings of the next project; that is taken back. Nor does
    it print the address of a run, password and all, when one ends.
    """
    import mlflow

    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", URL_NOTE)
    before = {name: os.environ.get(name) for name in names}
    os.environ[URL_NOTE] = "true"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)  # else whatever was set before in this process would win
    try:
        yield
    finally:
        for name, value in before.items():
            _restore(name, value)


class _Brisk:
    """Environment of our calls. MLflow reads it at each request, so threads share and count it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: dict[str, str | None] = {}

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Ask once, do not wait long, print nothing; the user's own timeout stands."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._enter()
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    for name, value in self._before.items():
                        _restore(name, value)

    def _enter(self) -> None:
        wanted = {
            "MLFLOW_HTTP_REQUEST_TIMEOUT": request_seconds(),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            URL_NOTE: "true",
        }
        self._before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)


brisk = _Brisk()


def request_seconds() -> str:
    """How long one request may take: ``MLFLOW_HTTP_REQUEST_TIMEOUT``, else ten seconds."""
    return os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or str(REQUEST_SECONDS)


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Say in our words, and without what the address may hold of secrets, that MLflow is away.

    Errors of other kinds pass through: MLflow answered, and refused.

    Raises:
        ServiceUnavailable: MLflow did not answer, or is in trouble of its own.
    """
    try:
        yield
    except Exception as error:
        why = _outage(error)
        if why is None:
            raise
        raise ServiceUnavailable(
            f"MLflow at {place(uri)} does not answer ({why}); start it, or set MLFLOW_TRACKING_URI."
        ) from None  # MLflow's own text has the whole address in it


def insist(act: Callable[[], T], *, until: float) -> T:
    """Do what is safe to repeat; while MLflow does not answer, do it again, three times in all.

    Args:
        act: Finds what an earlier attempt left.
        until: No further attempt after this (``time.monotonic()``).

    Raises:
        ServiceUnavailable: From the last attempt.
    """
    for pause in PAUSES:
        try:
            return act()
        except ServiceUnavailable:
            if time.monotonic() + pause > until:
                raise
            time.sleep(pause)
    return act()


def keep_a_log(uri: str) -> None:
    """Let an SQLite store write ahead, as our other databases do: it waits less for the disk.

    The file remembers it. One that is busy stays as it is until the next experiment.
    """
    import sqlite3

    from sqlalchemy.engine import make_url

    database = make_url(uri).database
    if database:
        with closing(sqlite3.connect(database)) as connection, suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")


def place(uri: str) -> str:
    """Return an address without user and password.

    >>> place("https://me:secret@tracking.example:5000/a")
    'https://tracking.example:5000/a'
    >>> place("sqlite:////data/mlflow.db")
    'sqlite:////data/mlflow.db'
    """
    scheme, mark, rest = uri.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _outage(error: Exception) -> str | None:
    """Why MLflow is away, in a few words; ``None`` when the error is about something else."""
    if "mlflow" not in sys.modules:
        return None
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    if _is_of_a_damaged_file(error):
        return "its database file is damaged: bring back a copy, or move it away to begin anew"
    if isinstance(error, OperationalError):  # a database that is the store, while it is opened
        return "its database cannot be reached"
    if not isinstance(error, MlflowException):
        return None
    status = error.get_http_status_code()
    return _in_words(error) if status >= 500 or status in REFUSED_FOR_NOW else None


def _is_of_a_damaged_file(error: BaseException | None) -> bool:
    """Whether SQLite's complaint about its file is among the causes."""
    from driftune.sqlite_files import is_damage

    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if is_damage(getattr(error, "orig", error)):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


def _in_words(error: MlflowException) -> str:
    cause = error.__cause__ or error.__context__
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    if "Timeout" in kinds:
        return f"nothing within {request_seconds()} s, MLFLOW_HTTP_REQUEST_TIMEOUT"
    if "RetryError" in kinds:
        return "only errors of the server"
    return "no connection" if "ConnectionError" in kinds else str(error.error_code)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
