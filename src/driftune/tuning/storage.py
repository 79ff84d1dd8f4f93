"""Where a study lives, what it is called, and what a killed process left in it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from driftune.errors import MissingPackage, ServiceUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial
    from sqlalchemy import URL

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared

WORKER = "driftune:worker:"  # study attribute, one per process that works on the study
CONFIGURATION = "driftune:configuration"
TRIAL_WORKER = "driftune:worker"  # trial attribute: the process that runs it
HEARTBEAT_SECONDS = 30  # a trial that is silent for twice as long is stale
MAKING_TABLES = 10  # attempts, when several processes open a new database at once


def open_storage(storage: str | Path | None) -> BaseStorage | None:
    """Open an Optuna storage; several processes may do so at once.

    Args:
        storage: A database URL, the path of an SQLite file, or ``None`` for memory.

    Raises:
        UsageError: The URL cannot be read.
        MissingPackage: The driver of that database is not installed.
        ServiceUnavailable: The database does not answer.
    """
    if storage is None:
        return None
    from optuna.exceptions import ExperimentalWarning

    url = read_url(storage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # the heartbeat is, since 2.9
        options = {
            "heartbeat_interval": HEARTBEAT_SECONDS,
            "heartbeat_stale_trial_callback": retry_once,
        }
        if is_sqlite_file(url):
            return _open_file(Path(str(url.database)).resolve(), options)
        return _open_server(url, options)


def read_url(storage: str | Path) -> URL:
    """A storage as a database URL.

    Raises:
        UsageError: It looks like a URL, but is none.

    >>> read_url("studies.db").get_backend_name()
    'sqlite'
    """
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in str(storage):
        return URL.create("sqlite", database=str(storage))
    try:
        url = make_url(str(storage).replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise UsageError(
            "`storage` is no database URL; write the path of an SQLite file, or one like"
            " postgresql://user@host/database."
        ) from None
    # psycopg 3 is what driftune[postgres] installs; SQLAlchemy would look for psycopg2
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def without_password(storage: str | Path) -> str:
    """A storage as it may be shown and kept in files.

    >>> without_password("postgresql://me:secret@db/studies?sslpassword=other&sslmode=require")
    'postgresql+psycopg://me:***@db/studies?sslmode=require'
    >>> without_password("studies.db")
    'studies.db'
    """
    if "://" not in str(storage):
        return str(storage)
    url = read_url(storage)
    secret = [key for key in url.query if "pass" in key.lower()]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def is_sqlite_file(url: URL) -> bool:
    """Whether only processes of one machine can reach it."""
    return url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}


def _open_file(path: Path, options: Mapping[str, Any]) -> BaseStorage:
    from sqlalchemy.exc import DatabaseError

    from driftune.sqlite_files import damaged, is_damage
    from driftune.tuning.sqlite_storage import STUDIES_LOSS, SQLiteStorage

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return SQLiteStorage(path, **options)
    except DatabaseError as error:
        if is_damage(error.orig):
            raise ServiceUnavailable(
                damaged("The studies' file", path, str(error.orig), **STUDIES_LOSS)
            ) from None
        raise ServiceUnavailable(f"The studies in {path} cannot be read: {error.orig}.") from None


def _open_server(url: URL, options: Mapping[str, Any]) -> BaseStorage:
    """Open a storage on a server, where others may make the same tables at this moment."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import DatabaseError, OperationalError

    where = url.render_as_string(hide_password=True)
    text = url.render_as_string(hide_password=False)
    for attempt in range(MAKING_TABLES):
        try:
            return RDBStorage(text, engine_kwargs={"pool_pre_ping": True}, **options)
        except ImportError:
            raise MissingPackage(
                f"No driver for {where} is installed: pip install 'driftune[postgres]', or the one"
                " of your database."
            ) from None
        except DatabaseError as error:
            if isinstance(error, OperationalError) or attempt == MAKING_TABLES - 1:
                raise ServiceUnavailable(
                    f"The studies at {where} (`storage`) cannot be reached: {error.orig}"
                ) from None
            time.sleep(random.random())  # noqa: S311 - only spreads the attempts
    raise AssertionError


def data_digest(prepared: Prepared) -> str:
    """A digest of the features and the target, row order included."""
    import pandas as pd

    digest = hashlib.sha256(json.dumps(prepared.feature_names).encode())
    digest.update(pd.util.hash_pandas_object(prepared.X, index=False).to_numpy().tobytes())
    digest.update(prepared.y.tobytes())
    return digest.hexdigest()


def configuration_digest(problem: Problem, prepared: Prepared, **settings: Any) -> str:
    """A digest of everything that decides what a trial's score means."""
    content = {"problem": problem.model_dump(mode="json"), "data": data_digest(prepared)} | settings
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def with_constraints(digest: str, limits: Mapping[str, float]) -> str:
    """The digest of a study whose trials are judged by limits; without any it stays as it was."""
    if not limits:
        return digest
    text = digest + json.dumps(dict(limits), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def open_study(
    name: str,
    storage: BaseStorage | None,
    *,
    direction: Literal["minimize", "maximize"],
    configuration: str,
) -> optuna.Study:
    """Create the study, or continue the one of that name.

    Raises:
        UsageError: The study of that name is about other data, or other settings.
    """
    import optuna

    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction=direction,
        load_if_exists=True,
    )
    known = study.user_attrs.get(CONFIGURATION)
    if known is None:
        study.set_user_attr(CONFIGURATION, configuration)
    elif known != configuration:
        raise UsageError(
            f"The study {name!r} in this storage was made with other data, folds or search space; "
            "choose another study_name, or leave it out."
        )
    return study


def fail_abandoned(study: optuna.Study) -> int:
    """Fail the running trials of processes that are gone, and queue each once more.

    Only trials of processes on this machine, this one included: call it while none of its own
    trials runs. Those of other machines end by Optuna's heartbeat.

    Returns:
        How many trials were failed.
    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    alone = not any(_may_be_alive(worker) for worker in _workers(study))
    failed = 0
    for trial in study.get_trials(deepcopy=True, states=(TrialState.RUNNING,)):
        worker = trial.user_attrs.get(TRIAL_WORKER)
        if alone if worker is None else not _may_be_alive(worker):
            with suppress(UpdateFinishedTrialError):  # another process was faster
                study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
                retry_once(study, trial)
                failed += 1
    return failed


def retry_once(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue the configuration of a lost trial again, unless it was lost before or had failed.

    Args:
        study: The study of the trial.
        trial: Failed because its process is gone; changed here.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RetryHeartbeatStaleTrialCallback

    from driftune.tuning.objective import FAILURE

    if FAILURE in trial.user_attrs or not trial.params:
        return  # a lost trial without a configuration is made up for by any other
    trial.system_attrs.setdefault("fixed_params", trial.params)  # samplers leave these alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(max_retry=1)(study, trial)


def worker_name() -> str:
    """This process: its machine and its number there."""
    return f"{socket.gethostname()}:{os.getpid()}"


def register_worker(study: optuna.Study) -> None:
    """Note that this process works on the study."""
    study.set_user_attr(f"{WORKER}{worker_name()}", True)


def _workers(study: optuna.Study) -> list[str]:
    return [key.removeprefix(WORKER) for key in study.user_attrs if key.startswith(WORKER)]


def _may_be_alive(worker: str) -> bool:
    """Whether a process other than this one may still run."""
    name, _, pid = worker.rpartition(":")
    if name != socket.gethostname():
        return True
    if worker == worker_name():
        return False
    try:
        os.kill(int(pid), 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
