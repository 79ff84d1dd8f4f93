"""Confidence-based performance estimation: calibrated probabilities say how often they are right.

Package NannyML, "How it works: performance estimation" (CBPE). For a row whose classes have the
calibrated probabilities p(c), a metric's contribution is expected over the label: the log loss is
``-sum_c p(c) log s(c)`` for the model's own probabilities s, the chance of a miss ``1 - p(predicted
class)``; counts of a confusion matrix and pairs of an AUC are sums of p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError
from driftune.metrics import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from driftune.resampling import BlockDraws

Map = Callable[[FloatArray], FloatArray]  # probabilities -> calibrated ones

_FOLDS = 5
_ENOUGH = 1000  # rows for isotonic regression


@dataclass(frozen=True)
class ExpectedClasses:
    """The labels that are to be expected of some rows.

    Args:
        metric: Name in `EXPECTED`.
        prediction: The model's own probabilities (n, k).
        probability: Calibrated ones (n, k), which sum to 1.
    """

    metric: str
    prediction: FloatArray
    probability: FloatArray

    def loss(self) -> float:
        """Return the expected loss of all rows; NaN where it is undefined."""
        found = EXPECTED[self.metric](self.prediction, self.probability)
        return float(found.mean() if isinstance(found, np.ndarray) else found(_ones(self))[0])

    def resampled(self, draws: BlockDraws) -> FloatArray:
        """Return the expected loss (r,) in each block resample."""
        found = EXPECTED[self.metric](self.prediction, self.probability)
        if isinstance(found, np.ndarray):
            return draws.means(found)
        return np.concatenate([found(weights) for weights in draws.weights()])

    def newest(self, count: int) -> ExpectedClasses:
        """Return the same for the last ``count`` rows."""
        return ExpectedClasses(self.metric, self.prediction[-count:], self.probability[-count:])


class ConfidenceModel:
    """Calibrated probabilities: one map per class against the others, then a sum of 1.

    The map is isotonic regression; below 1,000 reference rows, which it would overfit (scikit-learn
    user guide, 1.16.3), a sigmoid of the log odds (Platt 1999).

    Args:
        metric: Name in `EXPECTED`.
    """

    method = "confidence"

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self._classes = 0
        self._maps: list[Map] = []

    def fit(
        self, y: FloatArray, prediction: FloatArray, X: pd.DataFrame | None = None
    ) -> ExpectedClasses:
        """Learn the calibration; return what is expected of each row without its own fold.

        Args:
            y: Class numbers (n,).
            prediction: Probabilities (n,) of the positive class, or (n, k).
            X: Not used: the probabilities hold all that this method can know.
        """
        own = _columns(prediction)
        self._classes = own.shape[1]
        hits = np.eye(self._classes)[y.astype(np.intp)]
        held_out = own.copy()
        for rows in np.array_split(np.arange(len(y)), _FOLDS):  # neighbours stay together
            rest = np.setdiff1d(np.arange(len(y)), rows)
            held_out[rows] = _apply(_learn(hits[rest], own[rest]), own[rows])
        self._maps = _learn(hits, own)
        return ExpectedClasses(self.metric, own, held_out)

    def expect(self, prediction: FloatArray, X: pd.DataFrame | None = None) -> ExpectedClasses:
        """Return what is expected of other rows.

        Raises:
            DataError: Probabilities of another number of classes.
        """
        own = _columns(prediction)
        if own.shape[1] != self._classes:
            raise DataError(
                f"The reference has probabilities of {self._classes} classes, these rows have"
                f" {own.shape[1]}."
            )
        return ExpectedClasses(self.metric, own, _apply(self._maps, own))


def _learn(hits: FloatArray, own: FloatArray) -> list[Map]:
    """Fit one map per class; of two classes the second decides both."""
    fit = _isotonic if len(own) >= _ENOUGH else _sigmoid
    first = 1 if own.shape[1] == 2 else 0
    return [fit(own[:, c], hits[:, c]) for c in range(first, own.shape[1])]


def _isotonic(own: FloatArray, hits: FloatArray) -> Map:
    from sklearn.isotonic import IsotonicRegression

    learnt = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(own, hits)
    return lambda other: np.asarray(learnt.predict(other), dtype=np.float64)


def _sigmoid(own: FloatArray, hits: FloatArray) -> Map:
    from sklearn.linear_model import LogisticRegression

    if hits.min() == hits.max():  # a class that these rows have always, or never
        return lambda other: np.full(len(other), hits[0])
    learnt = LogisticRegression().fit(_log_odds(own), hits)
    return lambda other: np.asarray(learnt.predict_proba(_log_odds(other))[:, 1], dtype=np.float64)


def _log_odds(probability: FloatArray) -> FloatArray:
    """Return log odds (n, 1), finite also for certainties."""
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    odds: FloatArray = np.log(sure / (1 - sure))[:, None]
    return odds


def _apply(maps: list[Map], own: FloatArray) -> FloatArray:
    """Return calibrated probabilities that sum to 1."""
    if own.shape[1] == 2:
        return _columns(maps[0](own[:, 1]))
    mapped = np.column_stack([one(own[:, c]) for c, one in enumerate(maps)])
    total = mapped.sum(axis=1, keepdims=True)
    known: FloatArray = np.where(total > 0, mapped / np.where(total > 0, total, 1), own)
    return known


def _columns(probability: FloatArray) -> FloatArray:
    """Return probabilities with one column per class, which sum to 1."""
    if probability.ndim == 2 and probability.shape[1] > 1:
        shares: FloatArray = probability / probability.sum(axis=1, keepdims=True)
        return shares
    positive = probability.ravel()
    return np.column_stack([1 - positive, positive])


def _chosen(prediction: FloatArray) -> FloatArray:
    """Return the predicted class of each row as (n, k) zeros and ones; a tie of two is positive."""
    if prediction.shape[1] == 2:
        return np.eye(2)[(prediction[:, 1] >= 0.5).astype(np.intp)]
    chosen: FloatArray = np.eye(prediction.shape[1])[prediction.argmax(axis=1)]
    return chosen


def _log_losses(prediction: FloatArray, probability: FloatArray) -> FloatArray:
    logs = np.log(np.clip(prediction, np.finfo(np.float64).eps, 1))
    losses: FloatArray = -(probability * logs).sum(axis=1)
    return losses


def _misses(prediction: FloatArray, probability: FloatArray) -> FloatArray:
    misses: FloatArray = 1 - (probability * _chosen(prediction)).sum(axis=1)
    return misses


def _auc_loss(
    prediction: FloatArray, probability: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """1 - AUC from the expected number of positives and negatives at each score."""
    from driftune.metrics import get_metric

    weighted = get_metric("roc_auc").weighted
    assert weighted is not None
    return lambda weights: weighted(probability[:, 1], prediction[:, 1], weights)


def _f1_loss(prediction: FloatArray, probability: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """1 - weighted F1 from the expected confusion matrix."""
    chosen = _chosen(prediction)

    def loss(weights: FloatArray) -> FloatArray:
        support, named = weights @ probability, weights @ chosen
        both = weights @ (probability * chosen)
        scores = 2 * both / np.maximum(support + named, np.finfo(np.float64).tiny)
        found: FloatArray = 1 - (support * scores).sum(axis=1) / weights.sum(axis=1)
        return found

    return loss


def _ones(rows: ExpectedClasses) -> FloatArray:
    return np.ones((1, len(rows.prediction)))


EXPECTED: dict[
    str, Callable[[FloatArray, FloatArray], FloatArray | Callable[[FloatArray], FloatArray]]
] = {
    "log_loss": _log_losses,
    "accuracy": _misses,
    "roc_auc": _auc_loss,
    "f1_weighted": _f1_loss,
}
