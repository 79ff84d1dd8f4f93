"""MLflow tracking: one parent run per retune, one child run per trial.

Runs are found by a tag, not by a variable that a crash would lose: the same retune always gets
the same parent run.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlflow import MlflowClient

    from driftune.sampler.experience import EarlierStudy
    from driftune.tracing import Traces
    from driftune.tuning import TuningResult

logger = logging.getLogger(__name__)
RETUNE_TAG = "driftune.retune_id"
TRIAL_TAG = "driftune.trial"
FAMILY_TAG = "driftune.family"
EXPERIENCE_TAG = "driftune.experience"
RECALLED = 500  # studies of a family that are looked at, the newest
MAX_VALUE_LENGTH = 500


def open_client(uri: str) -> MlflowClient:
    """Return a client with explicit URIs: nothing depends on MLflow's global state."""
    import mlflow

    for name in ("alembic", "mlflow"):  # MLflow sets its own level when imported
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def global_uri(uri: str) -> Iterator[None]:
    """Point MLflow's global state to ``uri``, for what takes no client.

    MLflow writes it into ``MLFLOW_TRACKING_URI`` too, which would pass for the user's wish and win
    over the settings of the next project; that is taken back.
    """
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MLFLOW_TRACKING_URI", None)
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


class Tracker:
    """Writes studies and steps to MLflow.

    Args:
        uri: Tracking URI, e.g. ``sqlite:////abs/mlflow.db`` or ``http://host:5000``.
        artifacts: Where a new experiment keeps its files when the store is a local database.
    """

    def __init__(self, uri: str, artifacts: Path | None = None) -> None:
        self.uri = uri
        self.artifacts = artifacts

    @property
    def client(self) -> MlflowClient:
        """A client of the store."""
        return open_client(self.uri)

    def experiment(self, problem: str) -> str:
        """Return the id of the problem's experiment, made when missing.

        Raises:
            ServiceUnavailable: MLflow does not answer.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_experiment_by_name(problem)
            if found is not None:
                return str(found.experiment_id)
            local = self.artifacts is not None and "://" in self.uri and "http" not in self.uri
            location = (self.artifacts / problem).as_uri() if local and self.artifacts else None
            return str(self.client.create_experiment(problem, artifact_location=location))
        except MlflowException as error:
            if error.error_code == "RESOURCE_ALREADY_EXISTS":  # another process was faster
                return self.experiment(problem)
            raise ServiceUnavailable(
                f"MLflow does not answer ({error.error_code}); check MLFLOW_TRACKING_URI."
            ) from error

    def retune_run(self, problem: str, retune_id: str, **tags: str) -> str:
        """Return the id of the parent run of a retune, made when missing; adds ``tags``."""
        experiment = self.experiment(problem)
        run_id = self._find(experiment, f"tags.`{RETUNE_TAG}` = '{retune_id}'")
        if run_id is None:
            labels = {RETUNE_TAG: retune_id, "mlflow.runName": retune_id}
            run_id = self.client.create_run(experiment, tags=labels).info.run_id
        for key, value in tags.items():
            self.client.set_tag(run_id, key, value)
        return run_id

    def log(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, float | None],
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Write parameters and finite metrics to a run in one request."""
        from mlflow.entities import Metric, Param

        stamp = int(time.time() * 1000)
        self.client.log_batch(
            run_id,
            metrics=[
                Metric(k, v, stamp, 0) for k, v in metrics.items() if v is not None and isfinite(v)
            ],
            params=[Param(k, str(v)[:MAX_VALUE_LENGTH]) for k, v in (params or {}).items()],
        )

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""
        self.client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

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
        return TrackedExperience(self, problem, retune_id)

    def running(self, problem: str) -> list[tuple[str, str]]:
        """Return ``(retune id, run id)`` of the parent runs that are not closed."""
        found = self.client.search_runs(
            [self.experiment(problem)], "attributes.status = 'RUNNING'", max_results=1000
        )
        tags = [(run.data.tags.get(RETUNE_TAG), run.info.run_id) for run in found]
        return [(retune_id, run_id) for retune_id, run_id in tags if retune_id]

    def log_study(self, problem: str, parent: str, result: TuningResult) -> int:
        """Write each trial of a study as a child run; trials that are there already are skipped.

        Returns:
            The number of child runs written now.
        """
        experiment = self.experiment(problem)
        known = self.client.search_runs(
            [experiment], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=10_000
        )
        runs = {run.data.tags.get(TRIAL_TAG): run.info for run in known}
        done = {number for number, info in runs.items() if info.status != "RUNNING"}
        records: list[dict[str, Any]] = result.trials.to_dict("records")  # type: ignore[assignment]
        rows = [t for t in records if str(t["number"]) not in done]
        for row in rows:
            half = runs.get(str(row["number"]))  # a kill left it open
            self._log_trial(experiment, parent, row, result, half and half.run_id)
        score = {f"validation_{result.metric}": result.best_value}
        seconds = {"study_seconds": result.seconds}
        self.log(parent, metrics={**score, **seconds, **result.summary_metrics()})
        # Tags, not parameters: a study that goes on may find a better configuration.
        best = {f"best.{name}": value for name, value in result.best_params.items()}
        study = {
            "driftune.study": result.study_name,
            "driftune.stop_reason": result.stop_reason,
            "driftune.worth": result.worth.verdict,
            "driftune.worth_sentence": result.worth.sentence(result.metric)[:MAX_VALUE_LENGTH],
        }
        for key, value in {**best, **study}.items():
            self.client.set_tag(parent, key, str(value))
        return len(rows)

    def _log_trial(
        self,
        experiment: str,
        parent: str,
        row: dict[str, Any],
        result: TuningResult,
        run_id: str | None,
    ) -> None:
        number = str(row["number"])
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.runName": f"trial {number}",
            TRIAL_TAG: number,
            "driftune.source": str(row["source"]),
            "driftune.state": str(row["state"]),
        }
        rationale = row.get("rationale")
        if isinstance(rationale, str) and rationale:
            tags["driftune.rationale"] = rationale[:MAX_VALUE_LENGTH]
        run_id = run_id or self.client.create_run(experiment, tags=tags).info.run_id
        numbers = {k: row.get(k) for k in ("spread", "train_gap", "best_iteration", "fit_seconds")}
        params = row["params"] if isinstance(row["params"], dict) else {}
        self.log(run_id, metrics={result.metric: row["value"], **numbers}, params=params)
        self.finish(run_id, failed=row["state"] == "FAIL")

    def _find(self, experiment: str, query: str) -> str | None:
        runs = self.client.search_runs([experiment], query, max_results=1)
        return str(runs[0].info.run_id) if runs else None


@dataclass(frozen=True)
class TrackedExperience:
    """What studies found, as tags of their retunes' runs; all problems of the store share it.

    A store that does not answer teaches nothing: the study runs without.

    Attributes:
        tracker: The store.
        problem: That is tuned.
        retune_id: Names the run; ``None`` for the study's name.
    """

    tracker: Tracker
    problem: str
    retune_id: str | None = None

    def recall(self, family: str) -> list[EarlierStudy]:
        """The newest studies of a family, of any problem; two queries, whatever their number."""
        from mlflow.exceptions import MlflowException

        client = self.tracker.client
        try:
            experiments = [found.experiment_id for found in client.search_experiments()]
            runs = client.search_runs(
                experiments,
                f"tags.`{FAMILY_TAG}` = '{family}'",
                order_by=["attributes.start_time DESC"],
                max_results=RECALLED,
            )
        except MlflowException as error:
            logger.warning("No earlier studies: MLflow does not answer (%s).", error.error_code)
            return []
        found = (_read_experience(run.data.tags.get(EXPERIENCE_TAG, "")) for run in runs)
        return [study for study in found if study is not None]

    def keep(self, study: EarlierStudy) -> None:
        """Write the record to the run of the retune, in one request."""
        from mlflow.entities import RunTag
        from mlflow.exceptions import MlflowException

        tags = {FAMILY_TAG: study.family, EXPERIENCE_TAG: study.to_json()}
        tags |= {f"driftune.meta.{name}": f"{x:.6g}" for name, x in study.features.items()}
        try:
            run = self.tracker.retune_run(self.problem, self.retune_id or study.study)
            self.tracker.client.log_batch(run, tags=[RunTag(k, v) for k, v in tags.items()])
        except (MlflowException, ServiceUnavailable) as error:
            logger.warning("Later studies will not know %s: %s", study.study, error)


def _read_experience(text: str) -> EarlierStudy | None:
    from driftune.sampler.experience import EarlierStudy

    try:
        return EarlierStudy.from_json(text)
    except UsageError:  # another version's
        return None
