"""Where a study lives, what it is called, and what a killed process left in it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna
    from optuna.storages import BaseStorage

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared

WORKER = "driftune:worker:"  # study attribute, one per process that works on the study
CONFIGURATION = "driftune:configuration"
HEARTBEAT_SECONDS = 30


def open_storage(storage: str | Path | None) -> BaseStorage | None:
    """Open an Optuna storage.

    Args:
        storage: A database URL, the path of an SQLite file, or ``None`` for memory.
    """
    if storage is None:
        return None
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import RDBStorage

    url = str(storage)
    if "://" not in url:
        path = Path(url).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{path}"
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # the heartbeat is, since 2.9
        return RDBStorage(url, engine_kwargs=options, heartbeat_interval=HEARTBEAT_SECONDS)


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
    """Fail the running trials of processes on this machine that are gone.

    Trials of other machines end by Optuna's heartbeat.

    Returns:
        How many trials were failed.
    """
    from optuna.trial import TrialState

    host, me = socket.gethostname(), os.getpid()
    workers = [key[len(WORKER) :] for key in study.user_attrs if key.startswith(WORKER)]
    others = [worker for worker in workers if worker != f"{host}:{me}"]
    if any(_may_be_alive(worker, host) for worker in others):
        return 0
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in running:
        study.tell(trial.number, state=TrialState.FAIL)
    return len(running)


def register_worker(study: optuna.Study) -> None:
    """Note that this process works on the study."""
    study.set_user_attr(f"{WORKER}{socket.gethostname()}:{os.getpid()}", True)


def _may_be_alive(worker: str, host: str) -> bool:
    name, _, pid = worker.rpartition(":")
    if name != host:
        return True
    try:
        os.kill(int(pid), 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
