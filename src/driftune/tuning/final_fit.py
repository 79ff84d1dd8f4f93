"""From a study's result to the model that goes into service, and its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.tuning.cores import usable_cores
from driftune.tuning.encoding import build_encoder
from driftune.tuning.families import Shape, find_family
from driftune.tuning.families.quiet import quiet, useful_threads
from driftune.tuning.families.union import choose
from driftune.tuning.prepared import prepare
from driftune.tuning.rounds import scaled_rounds
from driftune.tuning.row_limit import take_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from driftune.problem import Problem
    from driftune.tuning.result import TuningResult


def refit(
    problem: Problem,
    data: pd.DataFrame,
    result: TuningResult,
    *,
    n_jobs: int | None = None,
    family: str | Sequence[str] | None = None,
) -> Pipeline:
    """Fit the best configuration on all labelled rows, or as many as the study's budget allowed.

    Args:
        problem: The problem of the study.
        data: Raw table; rows without a target are left out.
        result: What :func:`driftune.tuning.tune` returned.
        n_jobs: Threads; default: all cores that this process may use.
        family: What the settings say of the family. Needed where that is an import path and the
            study ran in another process: a result alone imports nothing.

    Returns:
        A fitted scikit-learn pipeline that takes the raw feature columns (others are ignored) and,
        for classification, predicts the labels as they stand in the table. Unknown and missing
        categories and missing numbers are allowed.

    Raises:
        DataError: As :func:`driftune.tuning.prepare`.
        UsageError: The result names an import path that no setting has named.
    """
    from sklearn.pipeline import Pipeline

    prepared = take_rows(
        prepare(problem, data), result.max_rows, selection=result.row_selection, seed=result.seed
    )
    algorithm, params = choose(find_family(result.family, family), result.best_params)
    rounds = result.best_rounds
    if algorithm.rounds_grow:
        rounds = scaled_rounds(rounds, result.fold_rows, len(prepared.y), result.rounds_exponent)
    columns, threads = len(prepared.feature_names), n_jobs or usable_cores()
    model = algorithm.make_estimator(
        params,
        rounds,
        problem.metric_object,
        n_jobs=threads,
        seed=result.seed,
        shape=Shape(len(prepared.y), columns, len(prepared.categorical)),
    )
    pipeline = Pipeline([("encoder", build_encoder(prepared)), ("model", model)])
    y = prepared.y if prepared.classes is None else prepared.classes[prepared.y]
    arguments = algorithm.fit_arguments(len(prepared.categorical))
    with quiet(useful_threads(threads, len(prepared.y))):
        pipeline.fit(prepared.X, y, **{f"model__{k}": v for k, v in arguments.items()})
    if result.constraints:
        from driftune.tuning.constraints import warn_of_broken
        from driftune.tuning.footprint import measure_footprint

        warn_of_broken(measure_footprint(pipeline, prepared.X), result.constraints)
    return pipeline


def predict(model: Any, X: pd.DataFrame, task: str) -> NDArray[np.float64]:
    """Predict in the shape that :class:`driftune.metrics.Metric` expects.

    Args:
        model: A fitted estimator or pipeline.
        X: Raw feature columns, ``(n, p)``; missing values allowed.
        task: ``regression``, ``binary`` or ``multiclass``.

    Returns:
        ``(n,)`` numbers for regression, ``(n,)`` probabilities of the second class for binary,
        ``(n, k)`` probabilities in sorted class order for multiclass.
    """
    if task == "regression":
        return np.asarray(model.predict(X), dtype=float)
    probabilities = np.asarray(model.predict_proba(X), dtype=float)
    return probabilities[:, 1] if task == "binary" else probabilities
