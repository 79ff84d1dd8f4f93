"""The tracker: what the pipelines and the loop say to MLflow."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable
from driftune.tracking.client import answering, brisk, insist, keep_a_log, open_client
from driftune.tracking.record import finite, now_ms, study_record, texts
from driftune.tracking.spool import Spool
from driftune.tracking.writing import AT_ONCE, RETUNE_TAG, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlflow import MlflowClient

    from driftune.tracing import Traces
    from driftune.tracking.experience import TrackedExperience
    from driftune.tracking.record import RunRecord
    from driftune.tuning import TuningResult

logger = logging.getLogger(__name__)
STUDY_SECONDS = 15.0  # that a study waits for MLflow at its end; the spool has what is left
STUDY_SHARE = 0.05  # or this part of the study's own time, if that is more
REPLAY_SECONDS = 60.0  # for a replay that nobody waits for
STEP_SECONDS = 30.0  # in which a single step is repeated
IN_A_ROW = 2  # records that fail one after the other end a replay


class Tracker:
    """Writes studies and steps to MLflow.

    Args:
        uri: Tracking URI, e.g. ``sqlite:////abs/mlflow.db`` or ``http://host:5000``.
        artifacts: Where a new experiment keeps its files when the store is a local database.
        spool: Folder of what waits for MLflow; ``None`` keeps nothing, and studies fail without it.
    """

    def __init__(self, uri: str, artifacts: Path | None = None, spool: Path | None = None) -> None:
        self.uri = uri
        self.artifacts = artifacts
        self.spool = None if spool is None else Spool(spool)

    @property
    def client(self) -> MlflowClient:
        """A client of the store."""
        return open_client(self.uri)

    def experiment(self, problem: str) -> str:
        """Return the id of the problem's experiment, made when missing.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """
        with self._talking():
            return self._experiment(problem)

    def retune_run(self, problem: str, retune_id: str, **tags: str) -> str:
        """Return the id of the parent run of a retune, made when missing; adds ``tags``.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """

        def make() -> str:
            with self._talking():
                writer = self._writer(problem)
                run = writer.parent(retune_id)
                writer.write_batch(run, 0, tags=tags)
                return run

        return insist(make, until=time.monotonic() + STEP_SECONDS)

    def log(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, float | None],
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Write parameters and finite metrics to a run in one request."""
        with self._talking():
            Writer(self.client, "").write_batch(
                run_id, now_ms(), metrics=finite(metrics), params=texts(params or {})
            )

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """

        def end() -> None:
            with self._talking():
                self.client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

        insist(end, until=time.monotonic() + STEP_SECONDS)

    def track(
        self, problem: str, retune_id: str, result: TuningResult, tags: Mapping[str, str]
    ) -> bool:
        """Write a study: the retune as parent run, each trial as its child.

        It goes to the spool first, and from there to MLflow with whatever else waits. MLflow's
        being away or slow fails nothing: :meth:`replay` writes the rest later.

        Returns:
            Whether MLflow has all of it.

        Raises:
            ServiceUnavailable: MLflow does not answer and there is no spool.
        """
        record = study_record(problem, retune_id, result, tags)
        self.hand_over(record)
        seconds = max(STUDY_SECONDS, STUDY_SHARE * result.seconds)
        self.replay(seconds=seconds)
        return self.spool is None or not self.spool.holds(record)

    def hand_over(self, record: RunRecord) -> None:
        """Put a record into the spool, for the next replay; without a spool, write it now.

        Raises:
            ServiceUnavailable: There is no spool, and MLflow does not answer.
        """
        if self.spool is not None:
            self.spool.put(record)
        else:
            self._write(record, time.monotonic() + REPLAY_SECONDS)

    def replay(
        self, problem: str | None = None, *, seconds: float = REPLAY_SECONDS
    ) -> list[RunRecord]:
        """Write what waits in the spool, oldest first; what fails stays there.

        Killed anywhere, the next call goes on: runs are found by their tags, so nothing is doubled.

        Args:
            problem: Only what belongs to it; ``None`` for all.
            seconds: No further trial is begun after them.

        Returns:
            The records that MLflow has now.
        """
        if self.spool is None or not self.spool.files():
            return []
        until = time.monotonic() + seconds
        with self.spool.replaying(seconds) as mine:
            return self._replay(self.spool, problem, until) if mine else []

    def traces(self, problem: str, retune_id: str | None = None) -> Traces:
        """Take the calls of language models, to be written as traces of a retune.

        Args:
            problem: Whose experiment.
            retune_id: Names the run; ``None`` until :meth:`Traces.belong_to` says it.
        """
        from driftune.tracing import Traces

        return Traces(self, problem, retune_id)

    def experience(self, problem: str, retune_id: str | None = None) -> TrackedExperience:
        """What earlier studies found, of all problems in this store.

        Args:
            problem: That is tuned.
            retune_id: Names the run that keeps its record; ``None`` for the study's name.
        """
        from driftune.tracking.experience import TrackedExperience

        return TrackedExperience(self, problem, retune_id)

    def running(self, problem: str) -> list[tuple[str, str]]:
        """Return ``(retune id, run id)`` of the parent runs that are not closed.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """
        with self._talking():
            found = self.client.search_runs(
                [self._experiment(problem)], "attributes.status = 'RUNNING'", max_results=1000
            )
        tags = [(run.data.tags.get(RETUNE_TAG), run.info.run_id) for run in found]
        return [(retune_id, run_id) for retune_id, run_id in tags if retune_id]

    def log_study(self, problem: str, parent: str, result: TuningResult) -> int:
        """Write a study under a parent run at once, past the spool; returns the children written.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """
        record = study_record(problem, "", result)
        with self._talking():
            writer = self._writer(problem)
            written = writer.write_children(parent, record.trials)
            writer.write_batch(parent, record.at, metrics=record.metrics, tags=record.tags)
        return written

    def _replay(self, spool: Spool, problem: str | None, until: float) -> list[RunRecord]:
        from mlflow.exceptions import MlflowException

        written: list[RunRecord] = []
        in_a_row, why = 0, ""
        for entry in spool.entries(problem):
            try:
                self._write(entry.record, until)
            except ServiceUnavailable as error:
                in_a_row, why = in_a_row + 1, str(error)
                if in_a_row == IN_A_ROW or time.monotonic() > until:
                    break
            except MlflowException as error:  # it answered: this record is not to its liking
                logger.warning("MLflow refuses %s (%s); it stays.", entry.path, error.error_code)
            else:
                spool.remove(entry)
                written.append(entry.record)
                in_a_row = 0
        if why:
            self._say_what_waits(spool, why)
        return written

    def _write(self, record: RunRecord, until: float) -> None:
        attempts = count()

        def write() -> None:
            with self._talking():
                troubled = next(attempts) > 0
                self._writer(record.problem, until).write(record, troubled=troubled)

        insist(write, until=until)

    def _writer(self, problem: str, until: float = float("inf")) -> Writer:
        at_once = AT_ONCE if self.uri.startswith("http") else 1
        return Writer(self.client, self._experiment(problem), until, at_once)

    def _experiment(self, problem: str) -> str:
        from mlflow.exceptions import MlflowException

        client = self.client
        found = client.get_experiment_by_name(problem)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if self.artifacts is not None and "://" in self.uri and not self.uri.startswith("http"):
            location = (self.artifacts / problem).as_uri()
        if self.uri.startswith("sqlite"):
            keep_a_log(self.uri)
        try:
            return str(client.create_experiment(problem, artifact_location=location))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self._experiment(problem)  # another process was faster

    def _say_what_waits(self, spool: Spool, why: str) -> None:
        waiting = spool.entries()
        trials = sum(len(entry.record.trials) for entry in waiting)
        logger.warning(
            "%s Meanwhile %d records with %d trials lie in %s; the next retune or `driftune"
            " reconcile` writes them.",
            why, len(waiting), trials, spool.folder,
        )  # fmt: skip

    @contextmanager
    def _talking(self) -> Iterator[None]:
        with brisk(), answering(self.uri):
            yield
