"""Realised performance: the metric of each batch with its interval, beside the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from driftune.errors import DataError, UsageError
from driftune.metrics import FloatArray, Metric, as_floats, get_metric
from driftune.resampling import BlockDraws, Interval, block_length, percentile_interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.monitoring.drift_report import DriftReport
    from driftune.monitoring.estimation import Estimate
    from driftune.monitoring.regret import Recall, Regret
    from driftune.monitoring.retune_cost import RetuneCost

_NO_LOSS = 1e-12  # a reference loss below this counts as this, so that the ratio stays finite


@dataclass(frozen=True)
class Observation:
    """What was measured on one batch, ready for ``dataclasses.asdict`` and JSON.

    Scores are in the metric's natural units and None when ``status`` is insufficient_data.

    Args:
        batch: Name of the batch.
        metric: Name of the metric.
        greater_is_better: Its direction.
        rows: Rows with a label.
        unlabelled: Rows left out because their label is missing.
        value: The metric on the batch; ``low`` and ``high`` limit its interval.
        low: See ``value``.
        high: See ``value``.
        reference_value: The metric on the reference rows, with its interval.
        reference_low: See ``reference_value``.
        reference_high: See ``reference_value``.
        relative_drop: (loss - reference loss) / reference loss; positive is worse.
        status: Whether there were enough rows to say anything.
        kind: What was measured.
        estimated: False: from labels.
        regret: What retraining would have saved on this batch, where that was measured.
        recall: What earlier champions would have saved on it.
        drift: Drift of inputs and predictions against what the champion learned from.
        estimate: The performance to be expected, where labels are missing.
        retune_cost: What a retune costs now, where the loop has priced it; the regret that pays for
            it then takes the place of ``policy.cost``.
    """

    batch: str
    metric: str
    greater_is_better: bool
    rows: int
    unlabelled: int
    value: float | None
    low: float | None
    high: float | None
    reference_value: float
    reference_low: float
    reference_high: float
    relative_drop: float | None
    status: Literal["ok", "insufficient_data"]
    kind: str = "performance"
    estimated: bool = False
    regret: tuple[Regret, ...] = ()
    recall: tuple[Recall, ...] = ()
    drift: DriftReport | None = None
    estimate: Estimate | None = None
    retune_cost: RetuneCost | None = None


class PerformanceMonitor:
    """Measure the metric of each batch against that of the reference rows.

    Intervals are circular block bootstrap intervals of rows in time order; blocks are as long as
    the losses are autocorrelated (see `driftune.resampling.block_length`).

    Args:
        metric: Name of the metric, or the metric itself.
        min_rows: Fewer labelled rows than this are insufficient_data.
        confidence: Of the intervals, two-sided.
        seed: The same seed gives the same intervals.
        n_resamples: Bootstrap resamples per interval.

    Raises:
        UsageError: an unknown metric or a setting out of its range.

    The error of this seeded stream doubles from batch 3 on; with the default policy the alarm
    rings at the second bad batch, index 4:

    >>> import numpy as np
    >>> from driftune.monitoring import PastDecision, TriggerPolicy
    >>> rng = np.random.default_rng(0)
    >>> def batch(sd):
    ...     y = rng.normal(100, 20, size=500)
    ...     return y, y + rng.normal(0, sd, size=500)
    >>> monitor = PerformanceMonitor("rmse").fit(*batch(10))
    >>> history = []
    >>> for index, sd in enumerate([10, 10, 11, 20, 20]):
    ...     seen = monitor.observe(*batch(sd), batch=str(index))
    ...     decision = TriggerPolicy().decide(history, seen)
    ...     history.append(PastDecision(str(index), decision.outcome, decision.breach))
    >>> [past.outcome for past in history]
    ['no_drift', 'no_drift', 'no_drift', 'no_drift', 'queued']
    """

    def __init__(
        self,
        metric: str | Metric,
        *,
        min_rows: int = 200,
        confidence: float = 0.95,
        seed: int = 0,
        n_resamples: int = 1000,
    ) -> None:
        if min_rows < 2:
            raise UsageError(f"min_rows is {min_rows}; an interval needs at least 2.")
        if not 0 < confidence < 1:
            raise UsageError(f"confidence is {confidence}; it must be between 0 and 1.")
        self.metric = get_metric(metric) if isinstance(metric, str) else metric
        self.min_rows = min_rows
        self.confidence = confidence
        self.seed = seed
        self.n_resamples = n_resamples
        self._reference: Interval | None = None

    @classmethod
    def from_reference(
        cls,
        metric: str | Metric,
        interval: Interval,
        *,
        min_rows: int = 200,
        confidence: float = 0.95,
        seed: int = 0,
        n_resamples: int = 1000,
    ) -> PerformanceMonitor:
        """Return a fitted monitor from a stored ``reference``, in the metric's natural units."""
        monitor = cls(
            metric, min_rows=min_rows, confidence=confidence, seed=seed, n_resamples=n_resamples
        )
        monitor._reference = interval
        return monitor

    @property
    def reference(self) -> Interval:
        """The metric on the reference rows, natural units; UsageError before ``fit``."""
        if self._reference is None:
            raise UsageError("This PerformanceMonitor has no reference: call fit first.")
        return self._reference

    def fit(self, y: npt.ArrayLike, prediction: npt.ArrayLike) -> PerformanceMonitor:
        """Measure the reference rows, in time order; rows with a missing label are left out.

        Raises:
            DataError: fewer labelled rows than ``min_rows``, or the metric is undefined on them.
        """
        truth, predicted = self._labelled(y, prediction)
        if len(truth) < self.min_rows:
            raise DataError(
                f"The reference has {len(truth)} labelled rows; min_rows is {self.min_rows}."
            )
        self._reference = self._interval(truth, predicted)
        return self

    def observe(self, y: npt.ArrayLike, prediction: npt.ArrayLike, *, batch: str) -> Observation:
        """Measure one batch.

        Args:
            y: Targets (n,) in time order; missing where the label has not arrived.
            prediction: The champion's predictions, finite; see `driftune.metrics` for shapes.
            batch: Name of the batch.

        Raises:
            DataError: unequal lengths, predictions that are not finite or not probabilities.
            UsageError: before ``fit``.
        """
        reference = self.reference
        truth, predicted = self._labelled(y, prediction)
        found = self._measure(truth, predicted)
        return Observation(
            batch=batch,
            metric=self.metric.name,
            greater_is_better=self.metric.greater_is_better,
            rows=len(truth),
            unlabelled=len(np.asarray(y)) - len(truth),
            value=found.value if found else None,
            low=found.low if found else None,
            high=found.high if found else None,
            reference_value=reference.value,
            reference_low=reference.low,
            reference_high=reference.high,
            relative_drop=self._relative_drop(found.value) if found else None,
            status="ok" if found else "insufficient_data",
        )

    def _labelled(
        self, y: npt.ArrayLike, prediction: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        truth = as_floats(y, "targets").ravel()
        predicted = as_floats(prediction, "predictions")
        if len(truth) != len(predicted):
            raise DataError(f"There are {len(predicted)} predictions for {len(truth)} targets.")
        labelled = ~np.isnan(truth)
        return truth[labelled], predicted[labelled]

    def _measure(self, y: FloatArray, prediction: FloatArray) -> Interval | None:
        """Return the interval, or None where these rows cannot give one."""
        if len(y) < self.min_rows:
            return None
        self.metric.check(y, prediction)  # malformed predictions are an error, not a state
        try:
            return self._interval(y, prediction)
        except DataError:  # undefined on these rows: one class only, a constant target
            return None

    def _interval(self, y: FloatArray, prediction: FloatArray) -> Interval:
        """Return the metric's interval in natural units."""
        blocks = block_length(self.metric.row_signal(y, prediction))
        draws = BlockDraws(len(y), self.seed, self.n_resamples, blocks)
        losses = percentile_interval(
            self.metric.resampled_losses(y, prediction, draws),
            self.metric.loss(y, prediction),
            confidence=self.confidence,
        )
        ends = sorted([self.metric.flip(losses.low), self.metric.flip(losses.high)])
        return Interval(ends[0], self.metric.flip(losses.value), ends[1])

    def _relative_drop(self, value: float) -> float:
        reference = self.metric.flip(self.reference.value)
        return (self.metric.flip(value) - reference) / max(reference, _NO_LOSS)
