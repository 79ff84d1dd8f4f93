"""The final fits and their registration: one to be judged, and one to serve if it passes."""

from __future__ import annotations

import json
import logging
from typing import Any

import pandas as pd
from pandas import DataFrame

from driftune.lineage import REPLAY_TAG, code_version
from driftune.project import Project
from driftune.promotion.registry import Registry
from driftune.settings import Settings
from driftune.tracking import answering
from driftune.tuning import TuningResult, prepare, refit
from driftune.tuning.constraints import footprint_tags
from driftune.tuning.footprint import ROWS, measure_footprint
from driftune.tuning.known import configuration_of
from driftune.validation import run_tags

logger = logging.getLogger(__name__)
Model = Any  # a fitted scikit-learn pipeline; not imported, to keep `kedro` quick to start
EXAMPLE_ROWS = 5


def fit(
    search_rows: DataFrame,
    promotion_rows: DataFrame,
    tuning_result: dict[str, Any],
    settings: Settings,
) -> dict[str, Model]:
    """Fit encoders and model, as one scikit-learn pipeline: twice the best configuration.

    Returns:
        ``proof``, which the gate judges, learns from every row that the search saw; ``serving``
        from the promotion rows too, unless ``gate.refit`` is off.
    """
    result = TuningResult.from_dict(tuning_result)
    family = settings.tuning.family
    proof = refit(settings.problem, search_rows, result, family=family)
    if not settings.gate.refit:
        return {"proof": proof, "serving": proof}
    rows = pd.concat([search_rows, promotion_rows], ignore_index=True)
    return {"proof": proof, "serving": refit(settings.problem, rows, result, family=family)}


def register(
    models: dict[str, Model],
    search_rows: DataFrame,
    promotion_rows: DataFrame,
    tuning_result: dict[str, Any],
    learning_span: dict[str, Any],
    data_version: dict[str, Any],
    settings: Settings,
    retune_id: str | None,
) -> dict[str, Any]:
    """Register the pipeline as ``challenger``, with where it came from as tags.

    Raises:
        ServiceUnavailable: The registry does not answer. The study is kept: the same retune, run
            again, fits and registers without a new trial.
    """
    result = TuningResult.from_dict(tuning_result)
    project = Project.find()
    tracker = project.tracker
    name = retune_id or result.study_name
    run = tracker.retune_run(settings.name, name)
    example = prepare(settings.problem, search_rows.tail(ROWS)).X
    searched = learning_span["start"] + len(search_rows)
    with answering(project.tracking_uri):
        version = Registry(project.tracking_uri, settings.name).register(
            models["serving"],
            example.head(EXAMPLE_ROWS),
            run_id=run,
            retune_id=name,
            proof=models["proof"] if settings.gate.refit else None,
            tags={
                "driftune.configuration": json.dumps(configuration_of(result)),
                "driftune.through": learning_span["through"],
                "driftune.start": str(learning_span["start"]),
                "driftune.strategy": learning_span["strategy"],
                "driftune.search_until": _until(search_rows, settings, searched),
                "driftune.rows_until": (
                    _until(promotion_rows, settings, searched + len(promotion_rows))
                    if settings.gate.refit
                    else _until(search_rows, settings, searched)
                ),
                "driftune.data_version": data_version["data_version"],
                "driftune.batches": f"{data_version['batches'][0]}..{data_version['batches'][-1]}",
                "driftune.study": result.study_name,
                "driftune.policy": settings.policy.digest(),
                "driftune.language_model": settings.tuning.language_model or "none",
                "driftune.search_rows": str(len(search_rows)),
                REPLAY_TAG: json.dumps(data_version["replay"]),
                "driftune.code": code_version(project.root),
                **run_tags(project.root, settings.name, data_version["batches"]),
                "driftune.validation_score": f"{result.best_value:.6g}",
                **footprint_tags(measure_footprint(models["serving"], example)),
            },
        )
    tracker.finish(run)
    if retune_id is None:  # a plain `kedro run`: nobody else says how to go on
        logger.info(
            "Registered version %s of %s as challenger: %s %.5g in validation;"
            " `driftune promote %s` puts it before the gate.",
            version, settings.name, result.metric, result.best_value, settings.name,
        )  # fmt: skip
    return {"version": version, "run_id": run, "retune_id": name, **data_version}


def _until(rows: DataFrame, settings: Settings, count: int) -> str:
    """Say how far a model has learned: the newest time, without a time the rows up to there."""
    if not settings.time:
        return str(count)
    newest = rows[settings.time].max()
    return str(newest.isoformat() if hasattr(newest, "isoformat") else newest)
