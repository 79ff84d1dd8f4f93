"""Optuna's storage on an SQLite file that several threads and processes write to."""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import finalize

from filelock import FileLock
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import event

from driftune.sqlite_files import refuse_damage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from optuna.trial import FrozenTrial

STUDIES_LOSS = {"loss": "begins each search anew", "setting": "DRIFTUNE_STUDY_URL"}
BUSY_SECONDS = 60  # how long a writer waits for its turn


class SQLiteStorage(RDBStorage):
    """Waits for its turn instead of failing, and reads only when somebody wrote.

    With a write-ahead log readers and the writer do not stop each other, and a commit need not wait
    for the disk: a killed process loses nothing, a power cut at most the last moments.

    Args:
        path: The file; made if missing.
        options: Of :class:`optuna.storages.RDBStorage`.
    """

    def __init__(self, path: Path, **options: Any) -> None:
        self._lock = FileLock(f"{path}.lock", timeout=BUSY_SECONDS)
        with self._lock:  # SQLite's own waiting does not cover the making of tables
            super().__init__(
                f"sqlite:///{path}",
                engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}},
                **options,
            )
            self.engine.dispose()  # connections that were opened before the next line
            event.listen(self.engine, "connect", _configure)
            refuse_damage(self.engine, "The studies' file", path, **STUDIES_LOSS)
            self.engine.connect().close()
        self._changes = Changes(path)
        self._known: dict[int, tuple[object, list[FrozenTrial]]] = {}

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Change a state; of several who want to run a waiting trial, one gets it.

        Optuna asks first and writes then, which other databases guard by locking the row.
        """
        if state != TrialState.RUNNING:
            return super().set_trial_state_values(trial_id, state, values)
        with self._lock:
            return super().set_trial_state_values(trial_id, state, values)

    def _get_trials(
        self,
        study_id: int,
        states: Any,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Read trials; the same question again is answered from memory until somebody writes.

        Samplers, limits and racing read all trials a dozen times per trial, and a reading takes
        Optuna half a dozen queries.
        """
        asked = (states, frozenset(included_trial_ids), trial_id_greater_than)
        question = (self._changes.count(), *asked)
        known = self._known.get(study_id)
        if known is None or known[0] != question:
            trials = super()._get_trials(
                study_id, states, included_trial_ids, trial_id_greater_than
            )
            self._known[study_id] = known = (question, trials)
        return list(known[1])


class Changes:
    """Counts what others, in this process or another, have written to an SQLite file.

    Args:
        path: The file; made if missing.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = f"{folder}/a.db"
    ...     changes, writer = Changes(file), sqlite3.connect(file)
    ...     before = changes.count()
    ...     _ = writer.execute("CREATE TABLE t (x)")
    ...     writer.commit()
    ...     changes.count() == before, changes.count() == changes.count()
    (False, True)
    """

    def __init__(self, path: Path | str) -> None:
        # never writes, so that SQLite's own counter sees every commit as somebody else's
        self._watch = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS)
        self._turn = Lock()
        finalize(self, self._watch.close)

    def count(self) -> int:
        """A number that changes with every commit."""
        with self._turn:
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])


def _configure(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
