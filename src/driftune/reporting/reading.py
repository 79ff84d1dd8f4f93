"""Read the story from where the loop wrote it: ledger, registry, MLflow runs, validation files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftune.promotion.registry import CHALLENGER, CHAMPION, PREVIOUS, RETUNE_TAG
from driftune.reporting.first_model import score_first_model
from driftune.reporting.story import START, Batch, Change, Check, Retuned, Story, Version
from driftune.tracking import TRIAL_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.ledger import Ledger, ObservationRow, PromotionRow, RetuneRow
    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings

MOST_RUNS = 50_000


def read_story(project: Project, settings: Settings) -> Story:
    """Collect all that the report tells about a problem; changes nothing."""
    ledger, registry = project.ledger, project.registry(settings.name)
    observed = ledger.observations(settings.name)
    promotions = ledger.promotions(settings.name)
    versions = _read_versions(registry)
    known = {version.number for version in versions}
    first = next((row.version for row in promotions if row.version in known), None)
    positions = {row.batch: position for position, row in enumerate(observed)}
    return Story(
        name=settings.name,
        target=settings.target,
        metric=settings.metric_object,
        margin=settings.gate.margin,
        champion=next((v.number for v in versions if CHAMPION in v.aliases), None),
        first_version=first,
        batches=_read_batches(observed, score_first_model(project, settings, first)),
        changes=[_change(row, positions) for row in promotions],
        retunes=_read_retunes(ledger, registry, positions),
        versions=versions,
        checks=read_checks(project, settings),
    )


def _read_batches(
    observed: Sequence[ObservationRow], first_model: dict[str, tuple[float, int]]
) -> list[Batch]:
    batches = []
    for position, row in enumerate(observed):
        score, rows = first_model.get(row.batch, (None, -1))
        decision = row.decision
        batches.append(
            Batch(
                position=position, name=row.batch, version=row.champion_version,
                status=row.status, value=row.value, low=row.low, high=row.high,
                reference=row.details.get("reference_value"), breach=decision.breach,
                outcome=decision.outcome, trigger=decision.trigger, reason=decision.reason,
                retune_id=decision.retune_id, first_model=score,
                same_rows=rows == row.details.get("rows"),
            )
        )  # fmt: skip
    return batches


def _change(row: PromotionRow, positions: dict[str, int]) -> Change:
    return Change(
        position=positions.get(row.after_batch or "", START),
        version=row.version,
        previous=row.previous,
        kind=row.kind,
        reason=row.reason,
        retune_id=row.retune_id,
        after_batch=row.after_batch,
    )


def _read_retunes(ledger: Ledger, registry: Registry, positions: dict[str, int]) -> list[Retuned]:
    """All retunes, oldest first. What comes before the first promotion had no champion to beat."""
    runs, spend = _read_runs(registry), _read_spend(ledger, registry.name)
    retunes, first = [], True
    for row in ledger.retunes(registry.name):
        facts = runs.get(row.id, {}) | spend.get(row.id, {})
        position = positions.get(row.through or "", START)
        retunes.append(_retuned(row, position, first, facts))
        first = first and row.status != "promoted"
    return retunes


def _retuned(row: RetuneRow, position: int, first: bool, facts: dict[str, Any]) -> Retuned:
    merged = f"merged into {row.merged_into}" if row.merged_into else None
    return Retuned(
        id=row.id, position=position, first=first, trigger=row.trigger, reason=row.reason,
        status=row.status, through=row.through, version=row.details.get("version"),
        verdict=row.details.get("verdict"), best_params=row.details.get("best_params", {}),
        error=row.details.get("error") if row.status == "failed" else merged,
        **facts,
    )  # fmt: skip


def _read_runs(registry: Registry) -> dict[str, dict[str, Any]]:
    """By retune: what MLflow knows of it and its trials; empty without an experiment."""
    experiment = registry.client.get_experiment_by_name(registry.name)
    if experiment is None:
        return {}
    found = registry.client.search_runs([experiment.experiment_id], max_results=MOST_RUNS)
    trials: dict[str, int] = {}
    for run in found:
        if TRIAL_TAG in run.data.tags:
            parent = run.data.tags.get("mlflow.parentRunId", "")
            trials[parent] = trials.get(parent, 0) + 1
    return {
        run.data.tags[RETUNE_TAG]: {
            "trials": trials.get(run.info.run_id, 0),
            "seconds": run.data.metrics.get("study_seconds"),
            "stop_reason": run.data.tags.get("driftune.stop_reason"),
            "data_version": run.data.tags.get("driftune.data_version"),
        }
        for run in found
        if RETUNE_TAG in run.data.tags
    }


def _read_spend(ledger: Ledger, problem: str) -> dict[str, dict[str, Any]]:
    """By retune: what its language model cost."""
    return {
        row.retune_id: {"llm_calls": row.calls, "llm_cost_usd": row.cost_usd}
        for row in ledger.spend(problem)
    }


def _read_versions(registry: Registry) -> list[Version]:
    pointers = {alias: registry.version_of(alias) for alias in (CHAMPION, PREVIOUS, CHALLENGER)}
    versions = []
    for number in registry.versions():
        tags = registry.tags(number)
        versions.append(
            Version(
                number=number,
                aliases=tuple(alias for alias, at in pointers.items() if at == number),
                data_version=tags.get("driftune.data_version"),
                batches=tags.get("driftune.batches"),
                code=tags.get("driftune.code"),
                validation_score=tags.get("driftune.validation_score"),
            )
        )
    return versions


def read_checks(project: Project, settings: Settings) -> list[Check]:
    """Read the validation reports, in the order in which the batches arrived."""
    folder = project.reports / settings.name / "validation"
    order = {name: number for number, name in enumerate(settings.batch_files())}
    files = sorted(folder.glob("*.json"), key=lambda f: (order.get(f.stem, len(order)), f.stem))
    return [_check(json.loads(file.read_text(encoding="utf-8")), file.stem) for file in files]


def _check(report: dict[str, Any], name: str) -> Check:
    return Check(
        batch=str(report.get("batch", name)),
        success=bool(report.get("success")),
        rows=int(report.get("rows", 0)),
        quarantined=int(report.get("quarantined", 0)),
        warnings=tuple(str(warning) for warning in report.get("warnings", ())),
        refusal=report.get("refusal"),
    )
