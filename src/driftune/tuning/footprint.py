"""What a fitted model asks of the device that runs it: bytes to store, bytes to hold, time per row.

Of the training process nothing is counted: it stays at home.
"""

from __future__ import annotations

import math
import pickle
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

PARTS = 4  # a prediction is timed in parts, of which the quickest counts
ROWS = 2000  # enough that the call itself does not count
TREE_BYTES, LEAF_BYTES, MODEL_BYTES = 1000, 68, 10_000


@dataclass(frozen=True)
class Footprint:
    """Of one model.

    Attributes:
        model_kb: Size as it is stored, in units of 1,000 bytes: LightGBM's own text, else the
            pickled estimator; the encoder is not counted.
        latency_us: Time to predict one row of many with one thread, in millionths of a second.
        memory_mb: Memory that the loaded model takes, in units of 1,000,000 bytes, beside the
            library that runs it.
    """

    model_kb: float
    latency_us: float
    memory_mb: float


def loaded_bytes(text: str) -> int:
    r"""Memory that a LightGBM model takes when its text is loaded.

    Counted from its trees and leaves. The constants were fitted to what LightGBM 4.7 allocates on
    64-bit Linux for 20 and 200 trees of 2 to 255 leaves; there they are at most 20 % off.

    >>> loaded_bytes("Tree=0\nnum_leaves=31\n\nTree=1\nnum_leaves=4\n")
    14380
    """
    leaves = [int(number) for number in re.findall(r"^num_leaves=(\d+)", text, re.MULTILINE)]
    return MODEL_BYTES + TREE_BYTES * len(leaves) + LEAF_BYTES * sum(leaves)


def predict_timed(
    predict: Callable[[NDArray[Any]], NDArray[Any]], X: NDArray[Any]
) -> tuple[NDArray[Any], float]:
    """Predict, and measure the time.

    Args:
        predict: Takes ``(n, p)``; should use one thread.
        X: The rows.

    Returns:
        The predictions, and seconds per row: those of the quickest quarter of the rows, so that
        what else the machine does meanwhile counts less.

    >>> prediction, seconds = predict_timed(lambda X: X[:, 0], np.ones((10, 2)))
    >>> len(prediction), 0 < seconds < 1
    (10, True)
    """
    predictions, quickest = [], math.inf
    for part in np.array_split(X, min(PARTS, len(X))):
        before = time.perf_counter()
        predictions.append(predict(part))
        quickest = min(quickest, (time.perf_counter() - before) / len(part))
    return np.concatenate(predictions), quickest


def measure_footprint(pipeline: Pipeline, X: Any) -> Footprint:
    """Measure a fitted pipeline of an encoder and a model.

    Args:
        pipeline: As :func:`driftune.tuning.refit` returns it.
        X: Raw feature columns, ``(n, p)``; the first 2,000 rows are predicted.
    """
    rows = np.asarray(pipeline[:-1].transform(X.head(ROWS)), dtype=float)
    model = pipeline[-1]
    booster = getattr(model, "booster_", None)
    if booster is not None:  # LightGBM
        text = booster.model_to_string()
        stored, loaded = len(text), loaded_bytes(text)
    else:
        stored = loaded = len(pickle.dumps(model))
    _, seconds = predict_timed(_one_thread(model), rows)
    return Footprint(stored / 1e3, seconds * 1e6, loaded / 1e6)


def _one_thread(model: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The model's prediction on one thread; the model itself stays as it is."""
    booster = getattr(model, "booster_", None)
    if booster is not None:
        return lambda X: np.asarray(booster.predict(X, num_threads=1))
    from copy import copy

    from threadpoolctl import threadpool_limits

    single = copy(model)
    if "n_jobs" in single.get_params():
        single.set_params(n_jobs=1)
    predict = getattr(single, "predict_proba", single.predict)

    def predict_alone(X: NDArray[Any]) -> NDArray[Any]:
        with threadpool_limits(1):
            return np.asarray(predict(X))

    return predict_alone
