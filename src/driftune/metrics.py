"""The metrics a problem can be judged by, in one table: `METRICS`.

A prediction is (n,) floats for regression, (n,) probabilities of the positive class for binary
problems, (n, k) probabilities in sorted class order (``y`` encoded 0..k-1) for multiclass. The
classification metrics take both shapes.

>>> get_metric("rmse").score([1.0, 2.0], [1.0, 4.0])
1.4142135623730951
>>> get_metric("roc_auc").loss([0, 1, 1, 0], [0.1, 0.8, 0.3, 0.4])
0.25
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.errors import DataError, UsageError, close_match

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.resampling import BlockDraws

FloatArray: TypeAlias = npt.NDArray[np.float64]
Task: TypeAlias = Literal["regression", "binary", "multiclass"]

_MOST_CELLS = 40_000_000  # resamples x rows for metrics without row losses: about two seconds
_FEWEST_RESAMPLES = 200


@dataclass(frozen=True)
class Metric:
    """How good predictions are. ``score`` is in natural units, ``loss`` is lower-is-better.

    Args:
        name: As written in the problem.
        task: What kind of target it is meant for.
        greater_is_better: The direction of ``score``; ``loss`` is then ``1 - score``.
        needs_probability: Predictions are probabilities.
        row_scorer: ``(y, prediction) -> (n,)`` losses per row; ``None`` for ranking metrics.
        rooted: ``loss`` is the root of the mean of the row losses, not the mean.
        scorer: ``(y, prediction) -> score``, only where there are no row losses.
        weighted: ``(y, prediction, weights (r, n)) -> (r,)`` losses, only beside ``scorer``.
    """

    name: str
    task: Task
    greater_is_better: bool
    needs_probability: bool
    row_scorer: Callable[[FloatArray, FloatArray], FloatArray] | None = None
    rooted: bool = False
    scorer: Callable[[FloatArray, FloatArray], float] | None = None
    weighted: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] | None = None

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Optuna's word for a study of ``score``."""
        return "maximize" if self.greater_is_better else "minimize"

    def score(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
        """Return the metric in natural units.

        Args:
            y: Targets (n,), no NaN; bool or class numbers for classification.
            prediction: See the module; no NaN.

        Raises:
            DataError: no rows, unequal lengths, NaN, not probabilities, or a metric that is
                undefined here (one class for roc_auc, a constant target for r2).
        """
        checked = self.check(y, prediction)
        if self.row_scorer is None:
            assert self.scorer is not None
            return float(self.scorer(*checked))
        mean = float(self.row_scorer(*checked).mean())
        return self.flip(mean**0.5 if self.rooted else mean)

    def loss(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
        """Return ``score`` turned so that lower is better: 1 - score where greater is better."""
        return self.flip(self.score(y, prediction))

    def flip(self, number: float) -> float:
        """Return the loss of a score, or the score of a loss: the map is its own inverse."""
        return 1 - number if self.greater_is_better else number

    def row_losses(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray | None:
        """Return one loss per row (n,) whose mean orders models as ``loss`` does, or ``None``.

        rmse: squared error. r2: squared error over the variance of y. Others: the mean is the loss.
        """
        if self.row_scorer is None:
            return None
        return self.row_scorer(*self.check(y, prediction))

    def row_signal(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
        """Return (n,) errors whose autocorrelation sets the blocks: row losses or log losses."""
        scorer = self.row_scorer or _log_losses
        return scorer(*self.check(y, prediction))

    def resampled_losses(
        self, y: npt.ArrayLike, prediction: npt.ArrayLike, draws: BlockDraws
    ) -> FloatArray:
        """Return the loss (r,) in each block resample; NaN where it is undefined.

        With row losses all ``draws.n_resamples`` are used. Ranking metrics weigh every row in every
        resample: there rows x resamples stays at 40 million, but never below 200 resamples.
        """
        if self.row_scorer is not None:
            means = draws.means(self.row_scorer(*self.check(y, prediction)))
            return np.sqrt(means) if self.rooted else means
        assert self.weighted is not None
        checked = self.check(y, prediction)
        most = max(_FEWEST_RESAMPLES, _MOST_CELLS // draws.n)
        draws = replace(draws, n_resamples=min(draws.n_resamples, most))
        return np.concatenate([self.weighted(*checked, weights) for weights in draws.weights()])

    def check(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return both as finite float arrays; DataError says what is wrong with them."""
        truth = as_floats(y, f"y for {self.name}").ravel()
        predicted = as_floats(prediction, f"prediction for {self.name}")
        if predicted.ndim == 2 and predicted.shape[1] == 1:
            predicted = predicted[:, 0]
        if len(truth) == 0 or len(truth) != len(predicted):
            raise DataError(
                f"{self.name} needs as many predictions as targets and at least one: "
                f"{len(truth)} targets, {len(predicted)} predictions."
            )
        for what, values in (("targets", truth), ("predictions", predicted)):
            bad = int(np.size(values) - np.isfinite(values).sum())
            if bad:
                raise DataError(f"{self.name}: {bad} of {np.size(values)} {what} are not finite.")
        if self.needs_probability:
            _check_classes(self.name, truth, predicted)
        return truth, predicted


def as_floats(values: npt.ArrayLike, what: str) -> FloatArray:
    """Return values as a float array, missing ones as NaN; ``what`` names them in the error.

    Raises:
        DataError: text or other objects where numbers belong.
    """
    pandas_like: Any = values
    try:
        if hasattr(pandas_like, "to_numpy") and getattr(pandas_like, "ndim", 0) == 1:
            return np.asarray(pandas_like.to_numpy(dtype=float, na_value=np.nan))
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"The {what} must be numbers: {error}.") from error


def get_metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        UsageError: no such metric; the message offers the nearest.
    """
    if name not in METRICS:
        raise UsageError(f"There is no metric {name!r}.{close_match(name, METRICS)}")
    return METRICS[name]


def _check_classes(name: str, y: FloatArray, probability: FloatArray) -> None:
    classes = probability.shape[1] if probability.ndim == 2 else 2
    if probability.min() < 0 or probability.max() > 1:
        raise DataError(
            f"{name} needs probabilities in [0, 1]; predictions go from "
            f"{probability.min():g} to {probability.max():g}."
        )
    if (y != np.round(y)).any() or y.min() < 0 or y.max() >= classes:
        raise DataError(
            f"{name} needs class numbers 0..{classes - 1} as targets; they go from "
            f"{y.min():g} to {y.max():g}."
        )


def _columns(probability: FloatArray) -> FloatArray:
    """Return probabilities with one column per class."""
    if probability.ndim == 2:
        return probability
    return np.column_stack([1 - probability, probability])


def _positive(probability: FloatArray) -> FloatArray:
    """Return the probability of the positive class (n,)."""
    if probability.ndim == 1:
        return probability
    if probability.shape[1] != 2:
        raise DataError(f"roc_auc is for two classes; the prediction has {probability.shape[1]}.")
    column: FloatArray = probability[:, 1]
    return column


def _classes(probability: FloatArray) -> npt.NDArray[np.intp]:
    """Return the predicted class: the positive one from 0.5, else the most probable."""
    if probability.ndim == 1:
        return (probability >= 0.5).astype(np.intp)
    best: npt.NDArray[np.intp] = probability.argmax(axis=1)
    return best


def _roc_auc(y: FloatArray, prediction: FloatArray) -> float:
    from sklearn.metrics import roc_auc_score

    if y.min() == y.max():
        raise DataError(f"roc_auc is undefined: all {len(y)} targets are class {y[0]:g}.")
    return float(roc_auc_score(y, _positive(prediction)))


def _f1_weighted(y: FloatArray, prediction: FloatArray) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(y, _classes(prediction), average="weighted", zero_division=0))


def _squared_errors(y: FloatArray, prediction: FloatArray) -> FloatArray:
    return np.square(y - prediction)


def _absolute_errors(y: FloatArray, prediction: FloatArray) -> FloatArray:
    errors: FloatArray = np.abs(y - prediction)
    return errors


def _scaled_squared_errors(y: FloatArray, prediction: FloatArray) -> FloatArray:
    scaled: FloatArray = _squared_errors(y, prediction) / _variance(y)
    return scaled


def _log_losses(y: FloatArray, prediction: FloatArray) -> FloatArray:
    """Minus the log of the probability given to what happened, clipped as scikit-learn does."""
    columns = _columns(prediction)
    columns = columns / columns.sum(axis=1, keepdims=True)
    given = columns[np.arange(len(y)), y.astype(np.intp)]
    losses: FloatArray = -np.log(np.clip(given, np.finfo(np.float64).eps, 1))
    return losses


def _misses(y: FloatArray, prediction: FloatArray) -> FloatArray:
    return np.asarray(_classes(prediction) != y, dtype=np.float64)


def _variance(y: FloatArray) -> float:
    variance = float(np.var(y))
    if variance == 0:
        raise DataError(f"r2 is undefined: all {len(y)} targets are {y[0]:g}.")
    return variance


def _weighted_auc_loss(y: FloatArray, prediction: FloatArray, weights: FloatArray) -> FloatArray:
    """1 - AUC by the Mann-Whitney sum over tied groups; NaN where a resample has one class."""
    score = _positive(prediction)
    order = np.argsort(score, kind="stable")
    groups = np.flatnonzero(np.diff(score[order], prepend=-1.0))
    ordered = weights[:, order]
    positive = np.add.reduceat(ordered * y[order], groups, axis=1)
    negative = np.add.reduceat(ordered, groups, axis=1) - positive
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        loss: FloatArray = 1 - np.where(pairs > 0, (positive * below).sum(axis=1) / pairs, np.nan)
    return loss


def _weighted_f1_loss(y: FloatArray, prediction: FloatArray, weights: FloatArray) -> FloatArray:
    """1 - weighted F1 from weighted counts per class (true, predicted, both)."""
    predicted = _classes(prediction)
    total = np.zeros(len(weights))
    for label in np.unique(y):
        support = weights @ (y == label)
        named = weights @ (predicted == label)
        both = weights @ ((y == label) & (predicted == label)).astype(np.float64)
        total += support * 2 * both / np.maximum(support + named, 1)
    loss: FloatArray = 1 - total / weights.sum(axis=1)
    return loss


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("rmse", "regression", False, False, _squared_errors, rooted=True),
        Metric("mae", "regression", False, False, _absolute_errors),
        Metric("r2", "regression", True, False, _scaled_squared_errors),
        Metric("roc_auc", "binary", True, True, scorer=_roc_auc, weighted=_weighted_auc_loss),
        Metric("log_loss", "binary", False, True, _log_losses),
        Metric("accuracy", "multiclass", True, True, _misses),
        Metric(
            "f1_weighted", "multiclass", True, True, scorer=_f1_weighted, weighted=_weighted_f1_loss
        ),
    )
}
