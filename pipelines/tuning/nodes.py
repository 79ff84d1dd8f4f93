"""The search as a stage: plain functions around ``driftune.tuning.tune``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
from ibis import Table
from pandas import DataFrame

from driftune import lineage
from driftune.errors import ServiceUnavailable
from driftune.loop.champion import Champion, known_champion
from driftune.project import Project
from driftune.promotion import hold_out_newest
from driftune.settings import Settings
from driftune.tuning import TuningResult, tune
from driftune.tuning.known import known_result
from driftune.tuning.listening import listener
from driftune.tuning.span import Span, choose_span
from driftune.validation import run_tags

logger = logging.getLogger(__name__)


def record_data_version(
    accepted: dict[str, Callable[[], Table]],
    batch_names: list[str],
    settings: Settings,
    tuning: dict[str, Any],
) -> dict[str, Any]:
    """Put the rows of this run, and its lookups, under DVC; their hash is the data version.

    With it goes what a replay needs to know (:func:`driftune.lineage.record_of`).
    """
    names = [name for name in batch_names if name in accepted]
    version = lineage.snapshot_batches(Project.find(), settings, names)
    replay = lineage.record_of(settings, tuning, names)
    return {"data_version": version, "batches": batch_names, "replay": replay}


def collect_rows(features: dict[str, Callable[[], Table]], batch_names: list[str]) -> DataFrame:
    """Return the features of all batches of this run as one table, in batch order.

    A column may hold whole numbers in one file and fractions in the next; columns that the first
    batch lacks are left out.
    """
    known = features[batch_names[0]]().columns
    tables = [features[name]() for name in batch_names]
    kept = [table.select(*[c for c in known if c in table.columns]) for table in tables]
    return pd.concat([table.to_pandas() for table in kept], ignore_index=True)


def find_newest(
    features: dict[str, Callable[[], Table]], batch_names: list[str], settings: Settings
) -> dict[str, Any]:
    """Find the newest batch that has labels: those of later ones have not arrived yet.

    Returns:
        ``batch`` and its labelled ``rows``; the first batch with None where no later one has any.
    """
    for name in reversed(batch_names[1:]):
        rows = int(features[name]()[settings.target].count().execute())
        if rows:
            return {"batch": name, "rows": rows}
    return {"batch": batch_names[0], "rows": None}


def hold_out(
    labelled_rows: DataFrame,
    newest_batch: dict[str, Any],
    batch_names: list[str],
    settings: Settings,
) -> tuple[DataFrame, DataFrame]:
    """Keep the newest labelled rows for the gate, before anything is tuned."""
    return hold_out_newest(
        labelled_rows,
        settings,
        settings.gate,
        newest=newest_batch["rows"],
        in_order=len(batch_names) > 1,
    )


def choose_rows(
    known_rows: DataFrame,
    promotion_rows: DataFrame,
    newest_batch: dict[str, Any],
    settings: Settings,
) -> tuple[DataFrame, dict[str, Any]]:
    """Choose how far back the challenger learns from, with a configuration that is known.

    The first model learns from all there is: nothing has drifted yet.

    Returns:
        The rows for the search, and the span with the newest batch that it reaches (``through``).
    """
    through = {"through": newest_batch["batch"]}
    champion = _champion(Project.find(), settings)
    if champion is None:
        return known_rows, Span(0, len(known_rows), "all_history").to_dict() | through
    span = choose_span(
        settings.problem,
        known_rows,
        known_result(champion.configuration),
        strategy=settings.policy.strategy,
        newest=len(promotion_rows),
        family=settings.tuning.family,
    )
    return known_rows.iloc[span.start :].reset_index(drop=True), span.to_dict() | through


def search(
    search_rows: DataFrame, settings: Settings, tuning: dict[str, Any], retune_id: str | None
) -> dict[str, Any]:
    """Tune on the search rows; resumes a study of the same rows and configuration."""
    project = Project.find()
    plan = settings.tuning_with(tuning)
    tracker = project.tracker
    with tracker.traces(settings.name, retune_id) as traces:
        result = tune(
            settings.problem,
            search_rows,
            space=plan.space,
            budget=plan.budget,
            executor=plan.executor,
            workers=plan.workers,
            dask_address=plan.dask_address,
            storage=project.study_storage,
            n_folds=plan.folds,
            splitter=plan.splitter,
            seed=plan.seed,
            family=plan.family,
            pruning=plan.pruning,
            rungs=plan.rungs,
            warm_start=_earlier_best(project, settings),
            constraints=plan.constraints,
            earlier_configurations=plan.earlier_configurations,
            experience=tracker.experience(settings.name, retune_id),
            language_model=traces.of(project.language_model(plan)),
            share_column_names=plan.share_column_names,
            on_progress=listener(),
        )
        traces.belong_to(retune_id or result.study_name)
    if result.stop_reason == "user":  # what is finished is stored; the next call goes on from there
        raise KeyboardInterrupt
    return result.to_dict()


def _earlier_best(project: Project, settings: Settings) -> list[dict[str, Any]]:
    """Return the champion's configuration, the first to be tried; a retrain tries no other."""
    champion = _champion(project, settings)
    if champion:
        return [champion.configuration["best_params"]]
    promoted = project.ledger.retunes(settings.name, "promoted")
    known = [row.details["best_params"] for row in promoted if "best_params" in row.details]
    return known[-1:]


def _champion(project: Project, settings: Settings) -> Champion | None:
    """Return the champion; None also while the registry is away, for which no search waits."""
    try:
        return known_champion(project, settings)
    except ServiceUnavailable as error:
        logger.warning("The search goes on without knowing the champion: %s", error)
        return None


def track(
    tuning_result: dict[str, Any],
    data_version: dict[str, Any],
    settings: Settings,
    retune_id: str | None,
) -> dict[str, Any]:
    """Write the study to MLflow: the retune as parent run, each trial as its child.

    While MLflow is away the study waits in the spool, and the pipeline goes on.
    """
    result = TuningResult.from_dict(tuning_result)
    project = Project.find()
    name = retune_id or result.study_name
    tags = {
        "driftune.data_version": data_version["data_version"],
        "driftune.code": lineage.code_version(project.root),
        **run_tags(project.root, settings.name, data_version["batches"]),
    }
    return {"retune_id": name, "written": project.tracker.track(settings.name, name, result, tags)}
