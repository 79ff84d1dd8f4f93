"""Where a model version came from, put together from the registry, its run and its traces."""

from __future__ import annotations

import json
from ast import literal_eval
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError
from driftune.tracking import RETUNE_TAG, TRIAL_TAG, answering

if TYPE_CHECKING:
    from mlflow.entities import Run, Trace

    from driftune.project import Project
    from driftune.settings import Settings

REPLAY_TAG = "driftune.replay"
MOST_TRACES = 500


@dataclass(frozen=True)
class Prompt:
    """One question to the language model, and what came back.

    Attributes:
        asked_at: Milliseconds since the epoch.
        messages: What it read.
        answer: What it said; ``None`` when it did not answer.
        tokens: Of both together, when they are known.
        cost_usd: When it is known.
    """

    asked_at: int
    messages: list[dict[str, str]]
    answer: str | None
    tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Trial:
    """A trial on record.

    Attributes:
        number: In its study.
        params: The configuration.
        score: In the metric's units; ``None`` when it failed.
    """

    number: int
    params: dict[str, Any]
    score: float | None


@dataclass(frozen=True)
class Origin:
    """All that is on record about how a version was made.

    Attributes:
        problem: Its name.
        version: In the registry.
        run: MLflow's id of the retune's run.
        retune_id: Of the retune; ``None`` for a version that no retune made.
        data_version: Of the rows that it was tuned and trained on.
        batches: Their names in order; empty when only the data version is known.
        code: The commit, with ``-dirty`` when files differed, or ``no-git``.
        study: Name of the study.
        parameters: The configuration of the model.
        first_trial: Trial 0 of the study.
        settings: The problem as it was set then, as JSON values; ``None`` for versions made before
            it was recorded.
        gate: What the gate found, with its numbers; ``None`` before it was asked.
        prompts: What the language model was asked, oldest first.
        tags: Everything else that is tagged on the version.
    """

    problem: str
    version: int
    run: str
    retune_id: str | None
    data_version: str | None
    batches: list[str]
    code: str | None
    study: str | None
    parameters: dict[str, Any]
    first_trial: Trial | None
    settings: dict[str, Any] | None
    gate: dict[str, Any] | None
    prompts: list[Prompt] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> str:
        """The data version.

        Raises:
            DriftuneError: None was recorded.
        """
        if self.data_version is None:
            raise DriftuneError(
                f"Version {self.version} of {self.problem!r} has no data version on record"
                " (tag driftune.data_version): it was not registered by driftune's training."
            )
        return self.data_version


def record_of(settings: Settings, overrides: dict[str, Any], batches: list[str]) -> dict[str, Any]:
    """Return what a replay needs to know of a run, as JSON values, for the tag of the version.

    Args:
        settings: The problem.
        overrides: Of its section ``tuning``, for this run.
        batches: That were read, in order.
    """
    effective = settings.model_copy(update={"tuning": settings.tuning_with(overrides)})
    return {"settings": effective.model_dump(mode="json"), "batches": batches}


def read_origin(project: Project, settings: Settings, version: int) -> Origin:
    """Put the record of a version together.

    Raises:
        UsageError: There is no such version.
        ServiceUnavailable: MLflow does not answer.
    """
    registry = project.registry(settings.name)
    with answering(project.tracking_uri):
        tags = {k: v for k, v in registry.tags(version).items() if k.startswith("driftune.")}
        run = registry.run_id(version)
        parent = project.tracker.client.get_run(run)
        first = _first_trial(project, parent, settings.metric)
        prompts = _prompts(project, parent, tags.get(RETUNE_TAG))
    replay = _json(tags.pop(REPLAY_TAG, None)) or {}
    return Origin(
        problem=settings.name,
        version=version,
        run=run,
        retune_id=tags.pop(RETUNE_TAG, None),
        data_version=tags.pop("driftune.data_version", None),
        batches=replay.get("batches", []),
        code=tags.pop("driftune.code", None),
        study=tags.pop("driftune.study", None),
        parameters=_typed(
            {
                key.removeprefix("best."): value
                for key, value in parent.data.tags.items()
                if key.startswith("best.")
            }
        ),
        first_trial=first,
        settings=replay.get("settings"),
        gate=_json(tags.pop("driftune.gate", None)),
        prompts=prompts,
        tags=dict(sorted(tags.items())),
    )


def _first_trial(project: Project, parent: Run, metric: str) -> Trial | None:
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and tags.`{TRIAL_TAG}` = '0'"
    found = project.tracker.client.search_runs([parent.info.experiment_id], query)
    if not found:
        return None
    data = found[0].data
    return Trial(0, _typed(data.params), data.metrics.get(metric))


def _prompts(project: Project, parent: Run, retune_id: str | None) -> list[Prompt]:
    if retune_id is None:
        return []
    found = project.tracker.client.search_traces(
        locations=[parent.info.experiment_id],
        filter_string=f"tags.`{RETUNE_TAG}` = '{retune_id}'",
        order_by=["attributes.timestamp_ms ASC"],
        max_results=MOST_TRACES,
    )
    return [_prompt(trace) for trace in found]


def _prompt(trace: Trace) -> Prompt:
    span = trace.data.spans[0]
    failed = str(trace.info.state).endswith("ERROR")
    tokens = trace.info.token_usage or {}
    return Prompt(
        asked_at=trace.info.request_time,
        messages=(span.inputs or {}).get("messages", []),
        answer=None if failed else str(span.outputs),
        tokens=tokens.get("total_tokens"),
        cost_usd=(trace.info.cost or {}).get("total_cost"),
    )


def _typed(texts: dict[str, str]) -> dict[str, Any]:
    """Read back what MLflow keeps as text.

    >>> _typed({"eta": "1e-05", "leaves": "31", "kind": "gbdt", "cap": "None", "on": "True"})
    {'eta': 1e-05, 'leaves': 31, 'kind': 'gbdt', 'cap': None, 'on': True}
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def _json(text: str | None) -> Any:
    """Read a tag; one that somebody spoiled by hand is as good as none."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None
