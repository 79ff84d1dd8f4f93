"""Streaming detectors of `river`: they ring in the middle of a batch, and remember the last one.

Each watches the mean of every numeric column. They expect independent values of standard deviation
one, so they are fed the means of as many rows as the column remembers (`block_length`), scaled by
those of the reference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from driftune.errors import DataError, MissingPackage, UsageError, close_match
from driftune.metrics import as_floats
from driftune.monitoring.calibration import Wandering
from driftune.resampling import block_indices, block_length

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd

    from driftune.metrics import FloatArray

_DRAWS = 200
_FEWEST = 20  # means of the reference


@dataclass(frozen=True)
class StreamReport:
    """What a streaming detector found in one batch.

    Args:
        batch: Name of the batch.
        rows: Rows in it.
        status: insufficient_data: no column has had enough rows for one more mean.
        drifted: Whether any column rang.
        alarms: The columns that rang.
        reason: One sentence.
        rang_at: Row of the batch, from 0, at which each of them rang first.
    """

    batch: str
    rows: int
    status: Literal["ok", "insufficient_data"]
    drifted: bool
    alarms: tuple[str, ...]
    reason: str
    rang_at: dict[str, int]


@dataclass
class _Stream:
    """One column: how its values become means, what is left over, and who watches them."""

    step: int
    centre: float
    scale: float
    detector: Any = None
    left: FloatArray = field(default_factory=lambda: np.array([]))

    def means(self, values: FloatArray) -> FloatArray:
        """Return scaled means of whole steps; the rest waits for the next batch."""
        values = np.concatenate([self.left, values])
        whole = len(values) // self.step * self.step
        self.left = values[whole:]
        means: FloatArray = values[:whole].reshape(-1, self.step).mean(axis=1)
        return (means - self.centre) / self.scale


class StreamMonitor(ABC):
    """What streaming detectors share; see `PageHinkleyMonitor` and `AdwinMonitor`.

    Args:
        significance: Chance of any false alarm, over all columns; in a stream as long as the
            reference for Page-Hinkley, whenever windows are compared for ADWIN.
        effect: As that of `DriftMonitor`: the shift to find is its root, in standard deviations.
        seed: The same seed gives the same limits.

    Raises:
        UsageError: A setting out of its range.
        MissingPackage: river is not installed.
    """

    name: ClassVar[str]

    def __init__(self, *, significance: float = 0.05, effect: float = 0.2, seed: int = 0) -> None:
        if not 0 < significance < 1 or effect <= 0:
            raise UsageError(
                f"significance is {significance}, it must be in (0, 1); "
                f"effect is {effect}, it must be above 0."
            )
        self.significance = significance
        self.effect = effect
        self.seed = seed
        self._drift = _import_river()
        self._streams: dict[str, _Stream] = {}

    @abstractmethod
    def _make(self, means: FloatArray, shift: float, significance: float) -> Any:
        """Return a detector of river's for means like these (n,), to find this shift of them."""

    def fit(self, reference: pd.DataFrame) -> Self:
        """Learn mean, spread and memory of every numeric column, in time order.

        Raises:
            DataError: No numeric column, or fewer than twenty means of one.
        """
        self._streams = {}
        table = reference.select_dtypes(include="number")
        if not table.shape[1]:
            raise DataError("The reference has no numeric column to watch.")
        for name in table.columns:
            values = _finite(table[name])
            stream = _Stream(block_length(values) if len(values) else 1, 0.0, 1.0)
            means = stream.means(values)
            if len(means) < _FEWEST:
                raise DataError(
                    f"Column {name!r} of the reference makes {len(means)} means of {stream.step}"
                    f" rows; {self.name} needs {_FEWEST}: give it a longer reference."
                )
            stream.centre, stream.scale = float(means.mean()), float(means.std()) or 1.0
            means = (means - stream.centre) / stream.scale
            shift = float(np.sqrt(self.effect) * (values.std() or 1.0) / stream.scale)
            stream.detector = self._make(means, shift, self.significance / table.shape[1])
            stream.left = np.array([])
            self._streams[str(name)] = stream
        return self

    def observe(self, rows: pd.DataFrame, *, batch: str = "") -> StreamReport:
        """Feed one batch, in time order; missing and infinite values are passed over.

        Raises:
            UsageError: Before ``fit``.
            DataError: A column is missing, or holds text.
        """
        if not self._streams:
            raise UsageError(f"This {type(self).__name__} has no reference: call fit first.")
        fed, rang = 0, {}
        for name, stream in self._streams.items():
            if name not in rows.columns:
                hint = close_match(name, [str(column) for column in rows.columns])
                raise DataError(f"The batch has no column {name!r}.{hint}")
            before = len(stream.left)
            means = stream.means(_finite(rows[name]))
            fed += len(means)
            for place, mean in enumerate(means):
                stream.detector.update(float(mean))
                if stream.detector.drift_detected and name not in rang:
                    rang[name] = (place + 1) * stream.step - before - 1
        return StreamReport(
            batch=batch,
            rows=len(rows),
            status="ok" if fed else "insufficient_data",
            drifted=bool(rang),
            alarms=tuple(rang),
            reason=self._explain(rang, fed),
            rang_at=rang,
        )

    def _explain(self, rang: dict[str, int], fed: int) -> str:
        if rang:
            said = ", ".join(f"{name} (row {row})" for name, row in rang.items())
            return f"{self.name} rang for {said}."
        if fed:
            return f"{self.name} rang for none of {len(self._streams)} columns."
        return f"{self.name} waits for more rows: no column has a whole step."


class PageHinkleyMonitor(StreamMonitor):
    """Page-Hinkley: the sum of how far a mean lies above (or below) what is usual.

    Page (1954), "Continuous inspection schemes". The threshold is what the sum reaches in block
    resamples of the reference (see `driftune.monitoring.calibration.Wandering`), at least what it
    would reach for normal means: resamples of few means have seen too few of the rare ones.

    The mean of this seeded stream moves by one standard deviation at row 500 of batch 1:

    >>> import numpy as np, pandas as pd  # doctest: +SKIP
    >>> rng = np.random.default_rng(0)  # doctest: +SKIP
    >>> values = rng.normal(size=6000) + (np.arange(6000) >= 4500)  # doctest: +SKIP
    >>> table = pd.DataFrame({"fuel": values})  # doctest: +SKIP
    >>> monitor = PageHinkleyMonitor().fit(table[:3000])  # doctest: +SKIP
    >>> batches = [table[start:start + 1000] for start in (3000, 4000)]  # doctest: +SKIP
    >>> [monitor.observe(batch).rang_at for batch in batches]  # doctest: +SKIP
    [{}, {'fuel': 529}]
    """

    name = "Page-Hinkley"

    def _make(self, means: FloatArray, shift: float, significance: float) -> Any:
        slack = shift / 2  # the best for a shift of this size (Page 1954)
        draws = means[
            block_indices(len(means), rng=np.random.default_rng(self.seed), n_resamples=_DRAWS)
        ]
        reached = np.maximum(_highest(draws - slack), _highest(-draws - slack))
        threshold = max(
            Wandering.of(reached, _DRAWS).limit(significance),
            _normal_threshold(slack, 2 * len(means) / significance),
        )
        made = self._drift.PageHinkley(
            min_instances=1, delta=slack, threshold=threshold, alpha=1.0, mode="both"
        )
        return _warm_up(made, means)


class AdwinMonitor(StreamMonitor):
    """ADWIN: a window that is cut where its older and its newer part have different means.

    Bifet & Gavalda (2007), "Learning from time-changing data with adaptive windowing". Its
    confidence is ``significance`` over the number of columns; ``effect`` is of no use to it.

    The mean of this seeded stream moves by one standard deviation at row 500 of batch 1:

    >>> import numpy as np, pandas as pd  # doctest: +SKIP
    >>> rng = np.random.default_rng(0)  # doctest: +SKIP
    >>> values = rng.normal(size=6000) + (np.arange(6000) >= 4500)  # doctest: +SKIP
    >>> table = pd.DataFrame({"fuel": values})  # doctest: +SKIP
    >>> monitor = AdwinMonitor().fit(table[:3000])  # doctest: +SKIP
    >>> batches = [table[start:start + 1000] for start in (3000, 4000)]  # doctest: +SKIP
    >>> [monitor.observe(batch).rang_at for batch in batches]  # doctest: +SKIP
    [{}, {'fuel': 574}]
    """

    name = "ADWIN"

    def _make(self, means: FloatArray, shift: float, significance: float) -> Any:
        return _warm_up(self._drift.ADWIN(delta=significance, clock=1), means)


def _warm_up(detector: Any, means: FloatArray) -> Any:
    """Show a detector the reference, so that it knows what is usual."""
    for mean in means:
        detector.update(float(mean))
    return detector


def _highest(steps: FloatArray) -> FloatArray:
    """Return how far the sums (draws,) of steps (draws, n) rise above where they were lowest."""
    sums = np.cumsum(steps, axis=1)
    lowest = np.minimum.accumulate(np.minimum(sums, 0), axis=1)
    highest: FloatArray = (sums - lowest).max(axis=1)
    return highest


def _normal_threshold(slack: float, rows: float) -> float:
    """Return the threshold that a sum of standard normals less a slack takes so long to reach.

    Siegmund (1985), "Sequential Analysis", eq. 2.52: a mean time of ``(exp(2 k b) - 2 k b - 1) /
    (2 k ** 2)`` with ``b = threshold + 1.166``; the two smaller terms are left out.

    >>> round(_normal_threshold(0.5, 465), 2)  # tables say 4 for a mean time of 336, 5 for 930
    4.29
    """
    return float(np.log(2 * slack**2 * rows + 1) / (2 * slack) - 1.166)


def _finite(column: pd.Series[Any]) -> FloatArray:
    values = as_floats(column, f"values of column {column.name!r}")
    return values[np.isfinite(values)]


def _import_river() -> Any:
    try:
        return import_module("river.drift")
    except ImportError:
        raise MissingPackage(
            'Streaming detectors need river: pip install "driftune[streaming]";'
            " DriftMonitor does without."
        ) from None
