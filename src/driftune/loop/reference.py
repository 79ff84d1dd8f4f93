"""What a version is measured against: the rows it was judged on, and those it learned from."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError, DriftuneError
from driftune.files import replace_file
from driftune.monitoring import DriftMonitor
from driftune.resampling import Interval
from driftune.scoring import score
from driftune.tuning import predict

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from driftune.metrics import FloatArray
    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings

logger = logging.getLogger(__name__)
MOST_ROWS = 50_000  # of a drift reference; more change no limit that a batch can reach


def reference_interval(registry: Registry, version: int) -> Interval:
    """Return a version's score on the rows that it was judged on when it was promoted.

    Raises:
        DriftuneError: The version was made champion without passing the gate.
    """
    stored = registry.tags(version).get("driftune.reference")
    if stored is None:
        raise DriftuneError(
            f"Version {version} of {registry.name!r} is champion but was never judged by the gate:"
            f" `driftune promote {registry.name} --version {version}` does that."
        )
    return Interval(**json.loads(stored))


def keep_reference(project: Project, settings: Settings, version: int, rows: DataFrame) -> None:
    """Keep the promotion rows of a version that the gate has judged, once."""
    path = _path(project, settings, version)
    if not path.exists():
        with replace_file(path) as temporary:
            rows.to_parquet(temporary, index=False)


def kept_reference(
    project: Project, settings: Settings, version: int
) -> tuple[FloatArray, FloatArray, DataFrame] | None:
    """Return labels, the version's predictions and features of the rows that it was judged on.

    The predictions are those of its proof model, which has not learned from these rows. None where
    the rows are not at hand: derived data may be deleted.
    """
    path = _path(project, settings, version)
    if not path.exists():
        return None
    import pandas as pd

    rows = pd.read_parquet(path)
    if settings.time:
        rows = rows.sort_values(settings.time, kind="stable")
    model = project.registry(settings.name).load_proof(version)
    labels, predictions = score(model, settings.problem, rows)
    there = ~np.isnan(labels)
    return labels[there], predictions[there], rows[list(model.feature_names_in_)][there]


def drift_monitor(project: Project, settings: Settings, version: int) -> DriftMonitor | None:
    """Return a monitor fitted on what a version learned from; None where that is not at hand.

    It is fitted once per version, and kept in a file.
    """
    path = _path(project, settings, version, "drift", ".npz")
    try:
        if path.exists():
            return DriftMonitor.load(path)
        monitor = _fit(project, settings, version)
    except (DriftuneError, OSError) as error:  # too few rows, or features that were deleted
        logger.info("No drift is measured against version %s: %s", version, error)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    monitor.save(path)
    return monitor


def _fit(project: Project, settings: Settings, version: int) -> DriftMonitor:
    """Fit on the newest rows of the batches that a version knew, in their order."""
    import pandas as pd

    registry = project.registry(settings.name)
    through = registry.tags(version).get("driftune.through", settings.rows.stem)
    features = project.load_dataset("features", problem=settings.name)
    names = [settings.rows.stem, *project.ledger.accepted_batches(settings.name)]
    names = names[: names.index(through) + 1] if through in names else names[:1]
    parts: list[DataFrame] = []
    for name in reversed([name for name in names if name in features]):
        parts.insert(0, features[name]().to_pandas())
        if sum(map(len, parts)) >= MOST_ROWS:
            break
    if not parts:
        raise DataError(f"The features of {settings.name!r} are not at hand.")
    rows = pd.concat(parts, ignore_index=True).tail(MOST_ROWS)
    model = registry.load(version)
    inputs = list(model.feature_names_in_)
    predictions = predict(model, rows[inputs], settings.problem.task)
    return DriftMonitor().fit(rows[inputs], prediction=predictions)


def _path(
    project: Project, settings: Settings, version: int, what: str = "judged", end: str = ".parquet"
) -> Path:
    return project.root / "data/07_model_output" / settings.name / f"{what}_v{version}{end}"
