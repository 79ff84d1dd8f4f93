"""The models that meet before the gate, and the rows that none of them has learned from.

Of each version there are up to two models. The one that serves has usually learned from the
promotion rows; its proof model has not. A version is judged by what it serves with where that is
honest, else by its proof model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError
from driftune.promotion.freshness import ROWS_TAG, SEARCH_TAG, seen_rows
from driftune.promotion.registry import PROOF_TAG
from driftune.scoring import score

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

    from driftune.metrics import FloatArray
    from driftune.problem import Problem
    from driftune.promotion.registry import Registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contender:
    """A version, as it may be judged on some rows.

    Attributes:
        version: Its number.
        model: The model to judge it by.
        seen: Rows (n,) that this model may have learned from; none of them for a serving model.
        is_proof: Whether it is the proof model, and another one serves.
    """

    version: int
    model: Any
    seen: NDArray[np.bool_]
    is_proof: bool


def choose_model(
    registry: Registry, problem: Problem, version: int, rows: DataFrame, *, first: int | None
) -> Contender:
    """Return the serving model of a version where it has seen none of the rows, else the proof.

    Args:
        registry: Where both are.
        problem: Says what the time column is.
        version: Which one.
        rows: What it is to be judged on.
        first: Without a time: how many labelled rows arrived before these.
    """
    tags = registry.tags(version)
    if PROOF_TAG not in tags and not tags.get(ROWS_TAG):  # it was registered by somebody else
        return Contender(version, registry.load(version), np.full(len(rows), False), False)
    seen = seen_rows(rows, problem.time, tags.get(ROWS_TAG, ""), first=first)
    if not seen.any() or PROOF_TAG not in tags:
        return Contender(version, registry.load(version), seen, False)
    until = tags.get(SEARCH_TAG, "")
    if not until or (problem.time is None and first is None):
        seen = np.full(len(rows), False)  # a proof model learns from what came before
    else:
        seen = seen_rows(rows, problem.time, until, first=first)
    return Contender(version, registry.load_proof(version), seen, True)


def predict_all(
    problem: Problem, rows: DataFrame, models: dict[str, Any]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return labels (n,) and each model's predictions, in a shape that all of them share.

    Classes are numbered over all models and labels: a model has a column of zeros for a class that
    it never met, so that it loses where it must and stops nobody else.

    Args:
        problem: What is predicted.
        rows: The table, in time order.
        models: By name. A model that cannot read these rows predicts NaN, but for the first one.

    Raises:
        DataError: The first model cannot read these rows.
    """
    first, *others = models
    if problem.task != "multiclass":
        labels, predicted = score(models[first], problem, rows)
        found = {first: predicted}
        found |= {name: _try(name, models[name], problem, rows, predicted) for name in others}
        return labels, found
    known = set(rows[problem.target].dropna())
    numbers = {
        label: n for n, label in enumerate(sorted(known.union(*map(_classes, models.values()))))
    }
    labels = rows[problem.target].map(numbers).to_numpy(dtype=float)
    blind = rows.assign(**{problem.target: np.nan})  # a label unknown to a model is no error
    found = {first: _widen(models[first], score(models[first], problem, blind)[1], numbers)}
    for name in others:
        like = np.empty((len(rows), len(_classes(models[name]))))
        found[name] = _widen(models[name], _try(name, models[name], problem, blind, like), numbers)
    return labels, found


def _try(name: str, model: Any, problem: Problem, rows: DataFrame, like: FloatArray) -> FloatArray:
    """Predict, or give NaN in the shape of ``like``."""
    try:
        return score(model, problem, rows)[1]
    except DataError as error:
        logger.warning("The %s cannot read these rows: %s", name, error)
        return np.full(like.shape, np.nan)


def _classes(model: Any) -> list[Any]:
    return list(model.classes_)


def _widen(model: Any, predicted: FloatArray, numbers: dict[Any, int]) -> FloatArray:
    """Put a model's columns where its classes are among all classes."""
    wide = np.zeros((len(predicted), len(numbers)))
    wide[:, [numbers[label] for label in model.classes_]] = predicted
    return wide
