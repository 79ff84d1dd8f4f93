"""Shadow: a challenger that passed the gate runs beside the champion before it may serve.

The rows of the batches are kept, not the predictions: if the champion changes meanwhile, the
challenger is compared with the one that serves at the end.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import ChampionChanged, DataError
from driftune.files import replace_file
from driftune.loop.contenders import predict_all
from driftune.loop.judging import judge
from driftune.loop.proof import ASKED_BY_A_PERSON, pausing_rollback, promote
from driftune.promotion.registry import CHAMPION

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from driftune.ledger import RetuneRow
    from driftune.metrics import Metric
    from driftune.project import Project
    from driftune.promotion import Verdict
    from driftune.settings import Settings

STATUS = "shadow"
ENOUGH_LABELS = 0.5  # share of a batch's rows; the rest may still arrive


def observe(
    project: Project, settings: Settings, batch: str, rows: DataFrame, labels: Any
) -> RetuneRow | None:
    """Score the challenger that runs in shadow beside the champion on one batch, and keep its rows.

    The same batch again, with more labels, replaces what is known of it.

    Args:
        project: Where models and ledger are.
        settings: The problem.
        batch: Its name.
        rows: Its features and target.
        labels: The target (n,), missing where a label has not arrived.

    Returns:
        The retune's record; None when no challenger runs in shadow.
    """
    row = _running(project, settings)
    if row is None or not _labelled_enough(labels):
        return row
    for folder in _folder(project, row).parent.glob("*"):
        if folder.name != row.id:  # of one that was superseded
            shutil.rmtree(folder, ignore_errors=True)
    with replace_file(_folder(project, row) / f"{batch}.parquet") as path:
        rows.to_parquet(path, index=False)
    scores = _score(project, settings, int(row.details["version"]), rows)
    seen = {**row.details.get("shadow", {}), batch: scores}
    return project.ledger.set_retune(row.id, STATUS, shadow=seen)


def finish_shadow(project: Project, settings: Settings) -> RetuneRow | None:
    """Judge the challenger in shadow when it has seen its batches, and promote or refuse it.

    Called once a batch is on record, and by whoever finds that this was killed.

    Returns:
        The retune's record; None when there is nothing to do yet.
    """
    row = _running(project, settings)
    if row is None or len(row.details.get("shadow", {})) < settings.gate.shadow_batches:
        return None
    if any(one.retune_id == row.id for one in project.ledger.promotions(settings.name)):
        return _close(project, row, "promoted")  # killed before it could say so
    version, seen = int(row.details["version"]), list(row.details["shadow"])
    try:
        rows = _read([_folder(project, row) / f"{batch}.parquet" for batch in seen])
        verdict = judge(project, settings, version, rows=rows)
    except (DataError, OSError) as error:  # it cannot read them, or somebody deleted them
        return _close(project, row, "refused", error=str(error))
    status = _status(project, settings, row, verdict)
    if status == "promoted":
        said = f"After {len(seen)} batches in shadow. {verdict.reason}"
        try:
            promote(
                project, settings, version, said,
                retune_id=row.id, instead_of=verdict.champion_version,
            )  # fmt: skip
        except ChampionChanged:
            return None  # the next batch, or reconciling, compares it with the new one
    told = "verdict" if status == "awaiting_approval" else "shadow_verdict"
    return _close(project, row, status, **{told: asdict(verdict)})


def forget_shadow(project: Project, row: RetuneRow) -> None:
    """Delete the kept batches of a challenger that runs in shadow no more."""
    shutil.rmtree(_folder(project, row), ignore_errors=True)


def _close(project: Project, row: RetuneRow, status: str, **details: Any) -> RetuneRow:
    closed = project.ledger.set_retune(row.id, status, **details)
    forget_shadow(project, row)
    return closed


def _running(project: Project, settings: Settings) -> RetuneRow | None:
    found = project.ledger.retunes(settings.name, STATUS)
    return found[-1] if found else None


def _status(project: Project, settings: Settings, row: RetuneRow, verdict: Verdict) -> str:
    if not verdict.promoted:
        return "refused"
    automatic = row.trigger != ASKED_BY_A_PERSON
    paused = automatic and pausing_rollback(project, settings) is not None
    return "awaiting_approval" if paused else "promoted"


def _labelled_enough(labels: Any) -> bool:
    from pandas import isna

    return len(labels) > 0 and bool((~isna(labels)).mean() >= ENOUGH_LABELS)


def _score(project: Project, settings: Settings, version: int, rows: DataFrame) -> dict[str, Any]:
    """Return both scores on one batch, None where there is none."""
    registry = project.registry(settings.name)
    champion = registry.version_of(CHAMPION)
    models = {"challenger": registry.load(version)}
    if champion is not None:
        models["champion"] = registry.load(champion)
    try:
        truth, found = predict_all(settings.problem, rows, models)
    except DataError as error:  # it is judged in the end, and refused for this
        return {"rows": len(rows), "error": str(error)}
    there = ~np.isnan(truth)
    scores = {
        name: _score_or_none(settings.metric_object, truth[there], predicted[there])
        for name, predicted in found.items()
    }
    return {"rows": int(there.sum()), **scores}


def _score_or_none(metric: Metric, y: Any, predicted: Any) -> float | None:
    try:
        return metric.score(y, predicted)
    except DataError:
        return None


def _folder(project: Project, row: RetuneRow) -> Path:
    return project.state / "shadow" / row.problem / row.id


def _read(files: list[Path]) -> DataFrame:
    import pandas as pd

    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
