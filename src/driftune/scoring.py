"""Predictions of a registered model beside the labels, in the shape that metrics take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, close_match
from driftune.tuning import predict

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from driftune.problem import Problem


def score(
    model: Any, problem: Problem, rows: DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predict rows with a model.

    Args:
        model: A pipeline as :func:`driftune.tuning.refit` returns it.
        problem: Says what the target and the task are.
        rows: Features and target; a missing target means that the label is not there yet.

    Returns:
        ``(labels, predictions)`` in time order; labels ``(n,)`` with NaN where missing, classes
        numbered as the model knows them; predictions as :func:`driftune.tuning.predict`.

    Raises:
        DataError: No row, a column that the model needs is missing, or a label that it has never
            seen.
    """
    _check(model, problem, rows)
    if problem.time:
        rows = rows.sort_values(problem.time, kind="stable")
    features = rows[list(model.feature_names_in_)]
    return encode_labels(model, problem, rows[problem.target]), predict(
        model, features, problem.task
    )


def _check(model: Any, problem: Problem, rows: DataFrame) -> None:
    if rows.empty:
        raise DataError("there are no rows.")
    for column in (*model.feature_names_in_, problem.target, *filter(None, [problem.time])):
        if column not in rows.columns:
            raise DataError(f"no column {column!r}.{close_match(column, rows.columns)}")


def encode_labels(model: Any, problem: Problem, labels: Series[Any]) -> NDArray[np.float64]:
    """Number labels as the model does; numbers of a regression pass through."""
    if problem.task == "regression":
        return labels.to_numpy(dtype=float, na_value=np.nan)
    numbers = {label: float(number) for number, label in enumerate(model.classes_)}
    encoded = labels.map(numbers)
    unknown = labels[encoded.isna() & labels.notna()]
    if len(unknown):
        raise DataError(
            f"{len(unknown):,} labels in {problem.target!r} are unknown to the model, e.g."
            f" {unknown.iloc[0]!r}; it knows {list(model.classes_)}. Retune to learn them."
        )
    return encoded.to_numpy(dtype=float)
