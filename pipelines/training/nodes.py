"""The final fit and its registration. The promotion rows stay untouched."""

from __future__ import annotations

import logging
from typing import Any

from pandas import DataFrame

from driftune.lineage import code_version
from driftune.project import Project
from driftune.promotion.registry import Registry
from driftune.settings import Settings
from driftune.tracking import answering
from driftune.tuning import TuningResult, prepare, refit
from driftune.tuning.constraints import footprint_tags
from driftune.tuning.footprint import ROWS, measure_footprint

logger = logging.getLogger(__name__)
Model = Any  # a fitted scikit-learn pipeline; not imported, to keep `kedro` quick to start
EXAMPLE_ROWS = 5


def fit(search_rows: DataFrame, tuning_result: dict[str, Any], settings: Settings) -> Model:
    """Fit encoders and model, as one scikit-learn pipeline, on every row that the search saw."""
    result = TuningResult.from_dict(tuning_result)
    return refit(settings.problem, search_rows, result, family=settings.tuning.family)


def register(
    model: Model,
    search_rows: DataFrame,
    tuning_result: dict[str, Any],
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
    with answering(project.tracking_uri):
        version = Registry(project.tracking_uri, settings.name).register(
            model,
            example.head(EXAMPLE_ROWS),
            run_id=run,
            retune_id=name,
            tags={
                "driftune.data_version": data_version["data_version"],
                "driftune.batches": f"{data_version['batches'][0]}..{data_version['batches'][-1]}",
                "driftune.study": result.study_name,
                "driftune.code": code_version(project.root),
                "driftune.validation_score": f"{result.best_value:.6g}",
                **footprint_tags(measure_footprint(model, example)),
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
