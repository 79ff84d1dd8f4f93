"""What MLflow holds about a problem, in four requests however many models and retunes there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable
from driftune.tracking import RETUNE_TAG, TRIAL_TAG, answering
from driftune.tracking.client import brisk

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.entities import Run

    from driftune.promotion.registry import Registry

PARENT_TAG = "mlflow.parentRunId"
PAGE = 1000  # entries of one answer


@dataclass(frozen=True)
class TrackedRun:
    """The run of one retune.

    Attributes:
        id: MLflow's.
        tags: As MLflow has them.
        metrics: The newest value of each.
    """

    id: str
    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def trials(self) -> int | None:
        """Trials of its study, by what each source proposed; ``None`` when no study is on it."""
        counts = [v for k, v in self.metrics.items() if k[:7] == "source." and k[-7:] == ".trials"]
        return int(sum(counts)) if counts else None


@dataclass(frozen=True)
class Tracked:
    """Models and runs of one problem.

    Attributes:
        versions: Version -> its tags, oldest first.
        aliases: Alias -> version.
        runs: Retune -> its run.
        away: Why nothing is known, in a sentence; ``None`` when MLflow answered.
    """

    versions: dict[int, dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    runs: dict[str, TrackedRun] = field(default_factory=dict)
    away: str | None = None

    @property
    def study_seconds(self) -> dict[str, float]:
        """Wall time of the search by retune, where there was one."""
        found = {name: run.metrics.get("study_seconds") for name, run in self.runs.items()}
        return {name: seconds for name, seconds in found.items() if seconds is not None}


def read_tracked(registry: Registry) -> Tracked:
    """Ask MLflow once for everything; its being away is a fact to tell, not an error."""
    try:
        with brisk(), answering(registry.uri):
            return _read(registry)
    except ServiceUnavailable as error:
        return Tracked(away=str(error))


def read_trials(registry: Registry) -> dict[str, list[Run]]:
    """Return the runs of all trials by the id of their retune's run; empty while MLflow is away."""
    try:
        with brisk(), answering(registry.uri):
            found = _search_runs(registry, f"tags.`{TRIAL_TAG}` LIKE '%'")
    except ServiceUnavailable:  # the page says already that MLflow is away
        return {}
    trials: dict[str, list[Run]] = {}
    for run in found:
        trials.setdefault(run.data.tags.get(PARENT_TAG, ""), []).append(run)
    return trials


def _read(registry: Registry) -> Tracked:
    client, query = registry.client, f"name='{registry.name}'"
    models = client.search_registered_models(query)
    versions = _all(lambda token: client.search_model_versions(query, PAGE, page_token=token))
    tags = {int(version.version): dict(version.tags) for version in versions}
    aliases = models[0].aliases if models else {}
    runs = _search_runs(registry, f"tags.`{RETUNE_TAG}` LIKE '%'")
    return Tracked(
        versions=dict(sorted(tags.items())),
        aliases={name: int(version) for name, version in aliases.items()},
        runs={
            run.data.tags[RETUNE_TAG]: TrackedRun(
                run.info.run_id, dict(run.data.tags), dict(run.data.metrics)
            )
            for run in sorted(runs, key=lambda run: len(run.data.metrics))  # an empty twin loses
        },
    )


def _search_runs(registry: Registry, query: str) -> list[Run]:
    """Return the runs of the problem's experiment that match; none without an experiment."""
    client = registry.client
    experiment = client.get_experiment_by_name(registry.name)
    if experiment is None:
        return []
    where = [experiment.experiment_id]
    return _all(lambda token: client.search_runs(where, query, 1, PAGE, page_token=token))


def _all(ask: Callable[[str | None], Any]) -> list[Any]:
    """Turn the pages of a long answer until there is none left."""
    found, token = [], None
    while True:
        answer = ask(token)
        found += answer
        token = answer.token
        if not token:
            return found
