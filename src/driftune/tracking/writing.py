"""Write a record to MLflow, so that writing it again, after a stop anywhere, changes nothing.

A run is looked for by its tags before it is made. Three requests make a child: ``create_run`` with
its tags, one ``log_batch`` with parameters and metrics, and its end. A server answers each after a
journey, so several children are under way at once; a database file has one writer anyway.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import ServiceUnavailable
from driftune.tracking.record import TRIAL_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Run

    from driftune.tracking.record import RunRecord, TrialRun

RETUNE_TAG = "driftune.retune_id"
PARENT_TAG = "mlflow.parentRunId"
AT_ONCE = 8  # children under way to a server
MOST_CHILDREN = 50_000  # MLflow's limit of a search


@dataclass(frozen=True)
class Writer:
    """Writes to one experiment until a given time.

    Attributes:
        client: Of the store.
        experiment: Its id.
        until: No further child is begun after this (``time.monotonic()``).
        at_once: Children under way at the same time.
    """

    client: MlflowClient
    experiment: str
    until: float = float("inf")
    at_once: int = 1

    def write(self, record: RunRecord, *, troubled: bool = False) -> int:
        """Write what is missing of a record; returns the number of children that were.

        Args:
            record: Parent and children.
            troubled: An earlier attempt had no answer: look twice for runs that it made.

        Raises:
            ServiceUnavailable: Time is up; what is written stays, the rest is for the next call.
        """
        parent = self.parent(record.retune_id)
        written = self.write_children(parent, record.trials)
        self.write_batch(parent, record.at, metrics=record.metrics, tags=record.tags)
        if troubled:
            self._children(parent)
        return written

    def parent(self, retune_id: str) -> str:
        """Return the id of a retune's run, made when missing.

        An answer that was lost may leave a second run behind; it is the one without children.
        """
        query = f"tags.`{RETUNE_TAG}` = '{retune_id}'"
        found = self.client.search_runs([self.experiment], query)
        runs = [str(run.info.run_id) for run in found]
        if len(runs) > 1:
            return max(runs, key=lambda run: len(self._children(run)))
        if runs:
            return runs[0]
        tags = {RETUNE_TAG: retune_id, "mlflow.runName": retune_id}
        return str(self.client.create_run(self.experiment, tags=tags).info.run_id)

    def write_children(self, parent: str, trials: Sequence[TrialRun]) -> int:
        """Write the trials that have no closed run yet; returns how many they were."""
        if not trials:
            return 0
        known = self._children(parent)
        missing = [
            trial
            for trial in trials
            if trial.number not in known or known[trial.number].info.status == "RUNNING"
        ]
        halves = {number: str(run.info.run_id) for number, run in known.items()}
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="tracking") as threads:
            begun = [
                threads.submit(self._write_child, parent, trial, halves.get(trial.number))
                for trial in missing
            ]
            try:
                for child in begun:
                    child.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return len(missing)

    def write_batch(
        self,
        run: str,
        at: int,
        *,
        metrics: dict[str, float] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Write values to a run in one request; the same again changes nothing.

        Args:
            run: Its id.
            at: Time of the metrics in milliseconds; part of their key.
            metrics: Finite numbers.
            params: Texts; MLflow never lets them change.
            tags: Texts.
        """
        from mlflow.entities import Metric, Param, RunTag

        self.client.log_batch(
            run,
            metrics=[Metric(key, value, at, 0) for key, value in (metrics or {}).items()],
            params=[Param(key, value) for key, value in (params or {}).items()],
            tags=[RunTag(key, value) for key, value in (tags or {}).items()],
        )

    def _write_child(self, parent: str, trial: TrialRun, run: str | None) -> None:
        if time.monotonic() > self.until:
            raise ServiceUnavailable("MLflow is too slow: time is up before all trials are there.")
        run = run or self._begin(parent, trial)
        self.write_batch(run, trial.ended, metrics=trial.metrics, params=trial.params)
        self.client.set_terminated(run, trial.status, trial.ended)

    def _begin(self, parent: str, trial: TrialRun) -> str:
        tags = {
            PARENT_TAG: parent,
            "mlflow.runName": f"trial {trial.number}",
            TRIAL_TAG: str(trial.number),
            **trial.tags,
        }
        made = self.client.create_run(self.experiment, start_time=trial.started, tags=tags)
        return str(made.info.run_id)

    def _children(self, parent: str) -> dict[int, Run]:
        """The runs of a retune's trials; of two of the same trial the lesser is deleted.

        A request that timed out may have made a run all the same, even after it was made again.
        """
        query = f"tags.`{PARENT_TAG}` = '{parent}'"
        found = self.client.search_runs([self.experiment], query, max_results=MOST_CHILDREN)
        children: dict[int, Run] = {}
        for run in sorted(found, key=lambda run: (run.info.status == "RUNNING", run.info.run_id)):
            number = run.data.tags.get(TRIAL_TAG)
            if number is None:
                continue
            if int(number) in children:
                self.client.delete_run(run.info.run_id)
            else:
                children[int(number)] = run
        return children
