"""What waiting costs: how much less a retrained model would have lost on the batch just seen.

A drop in performance does not say that a retune would help: a storm, or noisier labels, hurt any
model. Regret does. Two small models of the champion's configuration are fitted on equally many
rows: one on what the champion knew, one on what was known just before the batch. Their paired
difference on the batch is what not having retrained has cost. It adds up from batch to batch (a
CUSUM, Page 1954, "Continuous inspection schemes"), and when it exceeds what a retune costs, to wait
longer is the worse deal: the ski-rental argument behind cost-aware retraining (Mahadevan &
Mathioudakis 2023, "Cost-aware retraining for machine learning").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from driftune.metrics import get_metric
from driftune.paired import improvement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from driftune.metrics import FloatArray, Metric

Strategy = Literal["all_history", "window"]
CONFIDENCE = 0.68  # two-sided: half its width is one standard error
RESAMPLES = 400  # a standard error to 4 per cent


@dataclass(frozen=True)
class Regret:
    """What a retraining would have saved on one batch.

    Args:
        strategy: What the retrained probes learned from: a sample of all history, or the newest
            rows only.
        gains: Share of loss saved (0.1 = a tenth), one per pair of probes.
        error: Standard error of a gain that the rows of this batch leave, from block bootstrap.
        rows: Labelled rows of the batch.
    """

    strategy: Strategy
    gains: tuple[float, ...]
    error: float
    rows: int

    @property
    def gain(self) -> float:
        """Mean over the pairs."""
        return sum(self.gains) / len(self.gains)


@dataclass(frozen=True)
class Recall:
    """What an earlier champion would have saved on one batch; fields as in :class:`Regret`.

    Args:
        version: The earlier champion.
        gain: Share of loss that it saves; negative where the champion is better.
        error: Standard error of ``gain``.
        rows: Labelled rows.
    """

    version: int
    gain: float
    error: float
    rows: int

    @property
    def gains(self) -> tuple[float, ...]:
        """One pair: there is nothing random about which rows it learned from."""
        return (self.gain,)


@dataclass(frozen=True)
class Accumulated:
    """Gains added up over batches, from zero whenever they fall below it.

    Two kinds of error add up: that of the rows of each batch, which are new each time, and the luck
    of which rows the probes learned from, which stays the same from batch to batch. The second is
    read off the pairs, which share no row: each has had its own luck.

    A steady gain of a twentieth adds up; noise around zero does not:

    >>> steady, noise = Accumulated(), Accumulated()
    >>> for luck in (-0.06, 0.05, -0.04, 0.06, -0.05, 0.04):
    ...     steady = steady.add((0.05 + luck / 5, 0.05, 0.05 - luck / 5), 0.01)
    ...     noise = noise.add((luck, luck / 2, 0.0), 0.03)
    >>> round(steady.total, 2), steady.is_clear(0.99), noise.is_clear(0.99)
    (0.3, True, False)
    """

    sums: tuple[float, ...] = ()
    variance: float = 0.0
    batches: int = 0

    @property
    def total(self) -> float:
        """Mean over the pairs, in losses of one batch: 0.3 = three tenths of a batch's loss."""
        return sum(self.sums) / len(self.sums) if self.sums else 0.0

    @property
    def luck(self) -> float:
        """Standard error of ``total`` from which rows the probes learned from."""
        if len(self.sums) < 2:
            return 0.0
        return float(np.std(self.sums, ddof=1)) / math.sqrt(len(self.sums))

    def add(self, gains: Sequence[float], error: float) -> Accumulated:
        """Return the sum with one more batch."""
        before = self.sums
        if len(before) != len(gains):  # the first, or labels that came late made other pairs
            before = (self.total,) * len(gains)
        sums = tuple(old + gain for old, gain in zip(before, gains, strict=True))
        grown = Accumulated(sums, self.variance + error**2, self.batches + 1)
        return grown if grown.total > 0 else Accumulated()

    def is_clear(self, certainty: float) -> bool:
        """Return whether the total is above zero with this one-sided certainty.

        The rows' error is normal; luck is Student's, with few pairs to judge it by.
        """
        from scipy.special import ndtri, stdtrit

        normal = float(ndtri(certainty)) * math.sqrt(self.variance)
        student = float(stdtrit(max(1, len(self.sums) - 1), certainty)) * self.luck
        return self.total > math.hypot(normal, student)


def accumulate(measured: Iterable[Regret | Recall]) -> Accumulated:
    """Add up what was measured on successive batches."""
    found = Accumulated()
    for one in measured:
        found = found.add(one.gains, one.error)
    return found


def measure_regret(
    y: npt.ArrayLike,
    kept: Sequence[FloatArray],
    retrained: Sequence[FloatArray],
    *,
    metric: str | Metric,
    strategy: Strategy,
) -> Regret:
    """Compare probes that know what the champion knew with probes that know the latest.

    Args:
        y: Labels (n,) of the batch, none missing.
        kept: Predictions of the probes on the champion's data, one array per pair.
        retrained: Predictions of the probes on newer data, in the same order.
        metric: Name, or the metric itself.
        strategy: What the second learned from.

    Raises:
        DataError: The metric is undefined on these rows.
    """
    metric = get_metric(metric) if isinstance(metric, str) else metric
    first = improvement(
        y, kept[0], retrained[0], metric=metric, confidence=CONFIDENCE, n_resamples=RESAMPLES
    )
    others = [_gain(metric, y, old, new) for old, new in zip(kept[1:], retrained[1:], strict=True)]
    error = (first.high - first.low) / 2
    return Regret(strategy, (first.value, *others), error, len(np.asarray(y)))


def measure_recall(
    y: npt.ArrayLike,
    champion: FloatArray,
    earlier: FloatArray,
    *,
    metric: str | Metric,
    version: int,
) -> Recall:
    """Compare an earlier champion with the one in service on the same labelled rows.

    Raises:
        DataError: The metric is undefined on these rows.
    """
    found = improvement(
        y, champion, earlier, metric=metric, confidence=CONFIDENCE, n_resamples=RESAMPLES
    )
    return Recall(version, found.value, (found.high - found.low) / 2, len(np.asarray(y)))


def _gain(metric: Metric, y: npt.ArrayLike, kept: FloatArray, retrained: FloatArray) -> float:
    """Share of the loss saved."""
    loss = metric.loss(y, kept)
    return (loss - metric.loss(y, retrained)) / max(loss, 1e-12)
