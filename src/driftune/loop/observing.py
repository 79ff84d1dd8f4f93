"""Observe one batch: performance, regret, drift, and what to expect where labels are missing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from driftune.errors import DataError, ValidationFailed
from driftune.loop.probing import measure_recalls, measure_regrets
from driftune.loop.reference import drift_monitor, kept_reference, reference_interval
from driftune.monitoring import PerformanceEstimator, PerformanceMonitor
from driftune.scoring import score

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.metrics import FloatArray
    from driftune.monitoring import DriftReport, Estimate, Observation
    from driftune.project import Project
    from driftune.settings import Settings

logger = logging.getLogger(__name__)


def observe(
    project: Project, settings: Settings, version: int, batch: str, rows: DataFrame
) -> Observation:
    """Score a batch with the version that serves it, and measure all that the policy reads.

    Args:
        project: Where models and references are.
        settings: The problem.
        version: The champion that served this batch.
        batch: Its name.
        rows: Its features, with labels where they have arrived.

    Raises:
        ValidationFailed: The version cannot read these rows.
        DriftuneError: The version was never judged by the gate.
    """
    registry = project.registry(settings.name)
    if settings.time and settings.time in rows.columns:
        rows = rows.sort_values(settings.time, kind="stable")  # as labels and predictions will be
    try:
        labels, predictions = score(registry.load(version), settings.problem, rows)
    except DataError as error:
        raise ValidationFailed(f"Batch {batch!r} is refused: {error}") from error
    monitor = PerformanceMonitor.from_reference(
        settings.metric,
        reference_interval(registry, version),
        min_rows=settings.policy.min_rows,
    )
    seen = monitor.observe(labels, predictions, batch=batch)
    measured = seen.status == "ok"
    return replace(
        seen,
        regret=measure_regrets(project, settings, version, batch, rows) if measured else (),
        recall=measure_recalls(project, settings, version, rows) if measured else (),
        drift=_drift(project, settings, version, batch, rows, predictions),
        estimate=None
        if measured
        else _estimate(project, settings, version, batch, rows, predictions),
    )


def _drift(
    project: Project,
    settings: Settings,
    version: int,
    batch: str,
    rows: DataFrame,
    predictions: FloatArray,
) -> DriftReport | None:
    """Drift against what the version learned from; None where that is not at hand."""
    monitor = drift_monitor(project, settings, version)
    return monitor.observe(rows, prediction=predictions, batch=batch) if monitor else None


def _estimate(
    project: Project,
    settings: Settings,
    version: int,
    batch: str,
    rows: DataFrame,
    predictions: FloatArray,
) -> Estimate | None:
    """What to expect before the labels are there, from the rows that the version was judged on.

    None where those cannot say: too few of them, or all of one class.
    """
    found = kept_reference(project, settings, version)
    if found is None:
        return None
    labels, judged, features = found
    estimator = PerformanceEstimator(settings.metric, min_rows=settings.policy.min_rows)
    try:
        estimator.fit(labels, judged, features)
    except DataError as error:
        logger.info("Without labels nothing is estimated of batch %s: %s", batch, error)
        return None
    return estimator.estimate(predictions, rows[list(features.columns)], batch=batch)
