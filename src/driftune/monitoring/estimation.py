"""Estimated performance: the metric of a batch whose labels have not arrived."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from driftune.errors import DataError, UsageError, close_match
from driftune.metrics import FloatArray, Metric, as_floats
from driftune.monitoring.estimation_confidence import EXPECTED, ConfidenceModel
from driftune.monitoring.estimation_loss import ROW_LOSSES, LossModel
from driftune.monitoring.performance import Observation, PerformanceMonitor
from driftune.resampling import BlockDraws, Interval, block_length

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy.typing as npt
    import pandas as pd

_RESAMPLES = 200  # for one standard deviation; its own error is then 5 %
_BAND_ROWS = 50_000  # newest reference rows that the standard deviation is measured on
_NO_LOSS = 1e-12


class Expected(Protocol):
    """What a metric is expected to be on some rows."""

    def loss(self) -> float:
        """Return the loss of all rows; NaN where it is undefined."""

    def resampled(self, draws: BlockDraws) -> FloatArray:
        """Return the loss (r,) in each block resample."""

    def newest(self, count: int) -> Expected:
        """Return the same for the last ``count`` rows."""


@dataclass(frozen=True)
class Estimate(Observation):
    """What is expected of one batch without its labels, in the shape of an observation.

    ``low`` and ``high`` say where the realised metric of this batch is to be expected if the
    relation between features and target has not changed; ``reference_*`` is the realised metric of
    the reference rows.

    Args:
        rows: Rows that were predicted.
        unlabelled: The same: no label was used.
        method: ``confidence`` (classification) or ``direct_loss`` (regression).
    """

    estimated: bool = True
    method: str = ""


class PerformanceEstimator:
    """Estimate the metric of batches whose labels have not arrived.

    Both methods are those of the package NannyML. Classification: confidence-based performance
    estimation (CBPE; compared with others in Bialek, Kivimaki, Kuberski & Perrakis, "Estimating
    Model Performance Under Covariate Shift Without Labels", arXiv 2401.08348): probabilities are
    calibrated on reference rows, and then say themselves how often they are right. Regression:
    direct loss estimation (DLE): a second model learns the loss of each row from its features and
    its prediction.

    The known limit: both follow a shift of the features, and both are **blind to concept drift**.
    When the same features come to mean another target, no estimate moves. An estimate may alert;
    it must never promote anything.

    The interval is ``value * exp(+-z s)``: ``s`` is the standard deviation of log(realised loss /
    estimated loss) over block resamples of the reference, where every estimate was made without
    the row's own fold, scaled by ``sqrt(1 / batch rows + 1 / reference rows)``.

    Args:
        metric: Name of the metric, or the metric itself: one of `driftune.metrics.METRICS`.
        min_rows: Fewer rows than this are insufficient_data.
        confidence: Of the intervals, two-sided.
        seed: The same seed gives the same estimates.

    Raises:
        UsageError: a metric that cannot be estimated, or a setting out of its range.

    Errors grow with the distance. A batch of long ways is worse, and is known to be, before its
    labels come:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> def batch(distance):
    ...     truth = 2 * distance + distance * rng.normal(size=len(distance)) / 5
    ...     return truth, 2 * distance, distance[:, None]
    >>> estimator = PerformanceEstimator("mae").fit(*batch(rng.uniform(1, 100, size=3000)))
    >>> y, prediction, X = batch(rng.uniform(60, 100, size=1000))
    >>> seen = estimator.estimate(prediction, X, batch="far")
    >>> bool(seen.low < np.abs(y - prediction).mean() < seen.high), seen.relative_drop > 0.4
    (True, True)
    """

    def __init__(
        self,
        metric: str | Metric,
        *,
        min_rows: int = 200,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> None:
        self._monitor = PerformanceMonitor(
            metric, min_rows=min_rows, confidence=confidence, seed=seed
        )
        self.metric = self._monitor.metric
        if self.metric.name not in (*EXPECTED, *ROW_LOSSES):
            raise UsageError(
                f"{self.metric.name!r} cannot be estimated without labels."
                f"{close_match(self.metric.name, (*EXPECTED, *ROW_LOSSES))}"
            )
        self.min_rows = min_rows
        self.seed = seed
        self._quantile = NormalDist().inv_cdf((1 + confidence) / 2)
        self._model: ConfidenceModel | LossModel | None = None
        self._rows = 0
        self._spread = 0.0  # of log(realised / estimated) for one row

    @property
    def reference(self) -> Interval:
        """The realised metric of the reference rows; UsageError before ``fit``."""
        return self._monitor.reference

    def fit(
        self,
        y: npt.ArrayLike,
        prediction: npt.ArrayLike,
        X: pd.DataFrame | npt.ArrayLike | None = None,
    ) -> PerformanceEstimator:
        """Learn from reference rows, which the model must not have been fitted on.

        Args:
            y: Targets (n,) in time order; rows with a missing one are left out.
            prediction: The model's predictions; see `driftune.metrics` for shapes.
            X: Features (n, p), numbers or text, missing values allowed; used for regression only,
                where an estimate without them knows nothing but the predictions.

        Raises:
            DataError: fewer labelled rows than ``min_rows``, or the metric is undefined on them.
        """
        self._monitor.fit(y, prediction)
        labelled = ~np.isnan(as_floats(y, "targets").ravel())
        truth = as_floats(y, "targets").ravel()[labelled]
        predicted = as_floats(prediction, "predictions")[labelled]
        self._model = (
            ConfidenceModel(self.metric.name)
            if self.metric.name in EXPECTED
            else LossModel(self.metric.name, seed=self.seed)
        )
        with _one_thread():
            expected = self._model.fit(truth, predicted, _select(X, labelled))
        self._rows = len(truth)
        self._spread = self._measure_spread(truth, predicted, expected)
        return self

    def estimate(
        self,
        prediction: npt.ArrayLike,
        X: pd.DataFrame | npt.ArrayLike | None = None,
        *,
        batch: str,
    ) -> Estimate:
        """Estimate the metric of one batch.

        Args:
            prediction: The model's predictions (n,) or (n, k), finite.
            X: The features, when ``fit`` had them.
            batch: Name of the batch.

        Raises:
            DataError: predictions that are not finite, not probabilities, or of another shape.
            UsageError: before ``fit``, or features given here and not there.
        """
        reference = self.reference
        assert self._model is not None
        predicted = as_floats(prediction, "predictions")
        found = self._expect(predicted, X)
        value = None if found is None else found.value
        drop = None
        if value is not None:
            usual = self.metric.flip(reference.value)
            drop = (self.metric.flip(value) - usual) / max(usual, _NO_LOSS)
        return Estimate(
            batch=batch,
            metric=self.metric.name,
            greater_is_better=self.metric.greater_is_better,
            rows=len(predicted),
            unlabelled=len(predicted),
            value=value,
            low=found.low if found else None,
            high=found.high if found else None,
            reference_value=reference.value,
            reference_low=reference.low,
            reference_high=reference.high,
            relative_drop=drop,
            status="ok" if found else "insufficient_data",
            method=self._model.method,
        )

    def _expect(
        self, predicted: FloatArray, X: pd.DataFrame | npt.ArrayLike | None
    ) -> Interval | None:
        """Return the estimate in natural units, or None where these rows cannot give one."""
        if len(predicted) < self.min_rows:
            return None
        assert self._model is not None
        self.metric.check(np.zeros(len(predicted)), predicted)
        with _one_thread():
            loss = self._model.expect(predicted, _select(X, slice(None))).loss()
        if not np.isfinite(loss):
            return None
        spread = self._spread * (1 / len(predicted) + 1 / self._rows) ** 0.5
        width = float(np.exp(self._quantile * spread))
        limits = [loss / width, loss * width]
        if self.metric.needs_probability and self.metric.greater_is_better:  # 1 - loss, from 0 on
            limits[1] = min(limits[1], 1.0)
        ends = sorted(map(self.metric.flip, limits))
        return Interval(ends[0], self.metric.flip(loss), ends[1])

    def _measure_spread(
        self, truth: FloatArray, predicted: FloatArray, expected: Expected
    ) -> float:
        """Return the standard deviation of log(realised / estimated), per root of a row."""
        rows = min(len(truth), _BAND_ROWS)
        truth, predicted = truth[-rows:], predicted[-rows:]
        signal = self.metric.row_signal(truth, predicted)
        draws = BlockDraws(rows, self.seed, _RESAMPLES, block_length(signal))
        realised = self.metric.resampled_losses(truth, predicted, draws)
        estimated = expected.newest(rows).resampled(draws)
        known = ~np.isnan(realised) & ~np.isnan(estimated)
        if 2 * known.sum() < len(known):
            raise DataError(
                f"{self.metric.name} is undefined on most resamples of the {len(truth)} reference"
                " rows: too few of one class."
            )
        floor = np.maximum(realised[known], _NO_LOSS), np.maximum(estimated[known], _NO_LOSS)
        return float(np.log(floor[0] / floor[1]).std() * rows**0.5)


def _one_thread() -> AbstractContextManager[Any]:
    """Many small fits: beside other busy processes more threads are many times slower."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _select(
    X: pd.DataFrame | npt.ArrayLike | None, rows: npt.NDArray[np.bool_] | slice
) -> pd.DataFrame | None:
    """Return some rows of the features as a table with a fresh index."""
    if X is None:
        return None
    import pandas as pd

    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    return table.loc[rows].reset_index(drop=True) if not isinstance(rows, slice) else table
