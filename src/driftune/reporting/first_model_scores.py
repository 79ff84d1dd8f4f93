"""Score the first model on what arrived, once per batch: the numbers are kept in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError
from driftune.files import replace_file
from driftune.scoring import score
from driftune.tracking import answering

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pandas import DataFrame

    from driftune.ledger import ObservationRow
    from driftune.project import Project
    from driftune.settings import Settings

Score = tuple[float, int]
"""The metric in natural units, and the labelled rows that it is of."""


def observed_first_model(
    observed: Iterable[ObservationRow], version: int | None, settings: Settings
) -> dict[str, Score]:
    """Return what the watcher saw of the first model: in service, or beside a later champion."""
    scores = {}
    for row in observed:
        if version is None or row.value is None:
            continue
        rows = int(row.details.get("rows") or 0)
        if row.champion_version == version:
            scores[row.key] = (row.value, rows)
            continue
        for entry in row.details.get("recall") or ():
            if entry.get("version") == version and entry.get("rows") == rows:
                metric = settings.metric_object
                loss = metric.flip(row.value) * (1 - float(entry["gain"]))
                scores[row.key] = (float(metric.flip(loss)), rows)
    return scores


def score_first_model(
    project: Project,
    settings: Settings,
    version: int | None,
    observed: Iterable[ObservationRow],
    *,
    known_only: bool = False,
) -> dict[str, Score]:
    """Score a version on the features of every batch that is at hand.

    Only batches whose file is another than last time are scored, so that a page about hundreds of
    batches takes seconds.

    Args:
        project: Where the model and the features are.
        settings: The problem.
        version: The first champion; ``None`` scores nothing.
        observed: The newest revision of each batch.
        known_only: Give what is known and score nothing, e.g. because MLflow is away.

    Returns:
        Key of the observation -> score. Batches on which the metric is undefined (no labels, a
        class that the model never saw) or whose features are gone are left out.
    """
    if version is None:
        return {}
    file = project.state / "first_model" / f"{settings.name}.json"
    names = {row.key: f"{row.batch} {row.data_version}" for row in observed}
    known = _read(file, version, settings.metric)
    missing = [row for row in observed if names[row.key] not in known]
    if missing and not known_only:
        known |= _score_all(project, settings, version, missing)
        _write(file, version, settings.metric, {n: known[n] for n in names.values() if n in known})
    scores = {key: known.get(name) for key, name in names.items()}
    return {key: found for key, found in scores.items() if found is not None}


def _score_all(
    project: Project, settings: Settings, version: int, rows: list[ObservationRow]
) -> dict[str, Score | None]:
    """Score batches; one without a score is ``None``, one without features is left for later."""
    try:
        features = project.load_dataset("features", problem=settings.name)
        at_hand = [row for row in rows if row.batch in features]
        if not at_hand:
            return {}
        with answering(project.tracking_uri):
            model = project.registry(settings.name).load(version)
    except (DriftuneError, OSError):  # derived data may be deleted; the page goes on without
        return {}
    return {
        f"{row.batch} {row.data_version}": _score(
            model, settings, features[row.batch]().to_pandas()
        )
        for row in at_hand
    }


def _score(model: Any, settings: Settings, rows: DataFrame) -> Score | None:
    try:
        labels, predictions = score(model, settings.problem, rows)
        known = ~np.isnan(labels)
        value = settings.metric_object.score(labels[known], predictions[known])
    except DriftuneError:  # not defined on these rows
        return None
    return value, int(known.sum())


def _read(file: Path, version: int, metric: str) -> dict[str, Score | None]:
    """Read what is known; a file about another model, or no file at all, knows nothing."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if (content.get("version"), content.get("metric")) != (version, metric):
        return {}
    return {name: tuple(pair) if pair else None for name, pair in content["scores"].items()}


def _write(file: Path, version: int, metric: str, scores: dict[str, Score | None]) -> None:
    with replace_file(file) as path:
        content = {"version": version, "metric": metric, "scores": scores}
        path.write_text(json.dumps(content), encoding="utf-8")
