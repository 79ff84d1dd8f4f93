"""What a retune wants to have written in MLflow, as plain values that also lie in a file."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftune.tuning import TuningResult

TRIAL_TAG = "driftune.trial"
MAX_VALUE_LENGTH = 500
NOT_MEASURED = ("number", "value", "duration")  # the rest of a trial's numbers explain it
STATUS = {"PRUNED": "KILLED", "FAIL": "FAILED"}  # as MLflow's own storage for Optuna has it


@dataclass(frozen=True)
class TrialRun:
    """One child run.

    Attributes:
        number: The trial's number in its study.
        status: MLflow's: ``FINISHED``, ``KILLED`` (pruned) or ``FAILED``.
        started: Milliseconds since the epoch; trials of a record follow one another.
        ended: Milliseconds since the epoch.
        tags: Source, state, and what the source or the failure said.
        params: The configuration, as text.
        metrics: Finite numbers only.
    """

    number: int
    status: str
    started: int
    ended: int
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]


@dataclass(frozen=True)
class RunRecord:
    """What belongs to the parent run of one retune. No address, no key, no password is part of it.

    Attributes:
        problem: Names the experiment.
        retune_id: Names the parent run.
        kind: ``study`` or ``experience``; a newer record of the same kind replaces an older one.
        at: Milliseconds since the epoch; the time of all metrics, so that writing twice is once.
        tags: Of the parent run.
        metrics: Of the parent run, finite.
        trials: Its children.
    """

    problem: str
    retune_id: str
    kind: str
    at: int
    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    trials: list[TrialRun] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What a newer record of the same has too."""
        return f"{self.retune_id}.{self.kind}"

    def to_json(self) -> str:
        """As :meth:`from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """Read a record.

        Raises:
            ValueError: It is none.
        """
        try:
            content = json.loads(text)
            trials = [TrialRun(**trial) for trial in content.pop("trials")]
            return cls(**content, trials=trials)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a record of this version: {error}") from error


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def study_record(
    problem: str, retune_id: str, result: TuningResult, tags: Mapping[str, str] | None = None
) -> RunRecord:
    """Return a finished study as a record: the summary on the parent, each trial a child.

    Args:
        problem: Names the experiment.
        retune_id: Names the parent run.
        result: The study.
        tags: More of them for the parent, such as the data version.
    """
    at = now_ms()
    # Tags, not parameters: a study that goes on may find a better configuration.
    best = {f"best.{name}": str(value) for name, value in result.best_params.items()}
    study = {
        "driftune.study": result.study_name,
        "driftune.stop_reason": result.stop_reason,
        "driftune.worth": result.worth.verdict,
        "driftune.worth_sentence": result.worth.sentence(result.metric)[:MAX_VALUE_LENGTH],
    }
    score = {f"validation_{result.metric}": result.best_value, "study_seconds": result.seconds}
    return RunRecord(
        problem=problem,
        retune_id=retune_id,
        kind="study",
        at=at,
        tags={**best, **study, **(tags or {})},
        metrics=finite({**score, **result.summary_metrics()}),
        trials=_trials(result.trials.to_dict("records"), result.metric, at),
    )


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Leave out what is missing or no finite number."""
    known = {key: float(value) for key, value in metrics.items() if value is not None}
    return {key: value for key, value in known.items() if math.isfinite(value)}


def texts(params: Mapping[str, Any]) -> dict[str, str]:
    """Write parameters as MLflow takes them."""
    return {key: str(value)[:MAX_VALUE_LENGTH] for key, value in params.items()}


def _trials(rows: Iterable[Mapping[Any, Any]], metric: str, at: int) -> list[TrialRun]:
    """The trials, laid one after the other so that the last ends now."""
    made: list[TrialRun] = []
    end = at
    for row in sorted(rows, key=lambda row: -int(row["number"])):
        seconds = finite({"duration": row.get("duration")}).get("duration", 0.0)
        start = end - round(1000 * seconds)
        made.append(_trial(row, metric, start, end))
        end = start
    return made[::-1]


def _trial(row: Mapping[Any, Any], metric: str, started: int, ended: int) -> TrialRun:
    measured = {
        str(name): value
        for name, value in row.items()
        if isinstance(value, int | float) and name not in NOT_MEASURED
    }
    state = str(row["state"])
    tags = {"driftune.source": str(row["source"]), "driftune.state": state}
    for name in ("rationale", "failure"):
        said = row.get(name)
        if isinstance(said, str) and said:
            tags[f"driftune.{name}"] = said[:MAX_VALUE_LENGTH]
    return TrialRun(
        number=int(row["number"]),
        status=STATUS.get(state, "FINISHED"),
        started=started,
        ended=ended,
        tags=tags,
        params=texts(row["params"] if isinstance(row["params"], dict) else {}),
        metrics=finite({metric: row["value"], **measured}),
    )
