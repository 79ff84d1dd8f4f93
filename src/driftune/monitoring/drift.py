"""Input and prediction drift, with limits learnt from how much the reference itself wanders."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from driftune.errors import DataError, UsageError, close_match
from driftune.monitoring.calibration import CELL, NOTHING, cell_rows, size_class
from driftune.monitoring.drift_report import DriftReport
from driftune.monitoring.joint import DomainClassifier
from driftune.monitoring.judging import Ask, Limits, learn_limits, report
from driftune.monitoring.reference import ReferenceColumn
from driftune.monitoring.stored_monitor import read_monitor, write_monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

PREDICTION = "prediction"
_THREADS = 2  # each holds a few copies of a column in memory
T = TypeVar("T")


class DriftMonitor:
    """Find columns, or relations of columns, that left what the reference does by itself.

    An alarm needs an effect (``effect``), significance corrected for the number of tests (Holm),
    and ``min_rows``. What is significant is learnt from stretches of the reference: see
    `driftune.monitoring.calibration`. A column rings by its PSI or, if it is a number, by its
    Wasserstein distance; all columns together by a classifier that tells the batch from the
    reference, which does not see columns that wander more than ``effect`` by themselves. Columns of
    time stamps are left out.

    Args:
        n_bins: Quantile bins of a numeric column, at most 100; missing values get one more.
        min_rows: Batches below it are insufficient_data.
        block_length: Consecutive reference rows drawn together. None = as many as the batch has,
            at most a fifth of the reference; larger batches are put together from several.
        significance: Chance of any false alarm in a batch, over all columns and the joint test.
        effect: Smallest PSI that matters. A shift of the mean by d standard deviations has a PSI of
            about ``d ** 2``, so the Wasserstein distance that matters is its root: 0.2 is 0.45
            standard deviations. The AUC that matters is half-way to that of such a shift, 0.562,
            because a classifier learns no more from so few rows.
        joint: Whether to look at all columns together; needs LightGBM.
        seed: The same seed gives the same limits.

    Raises:
        UsageError: a setting out of its range.

    ``temperature`` wanders all the time, ``fuel`` jumps by one standard deviation at batch 3 of
    this seeded stream; the alarm rings there, for that column alone:

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> hours = np.arange(9000)
    >>> table = pd.DataFrame({
    ...     "temperature": 10 * np.sin(hours / 80) + rng.normal(size=9000),
    ...     "fuel": rng.normal(size=9000) + (hours >= 7500),
    ... })
    >>> monitor = DriftMonitor().fit(table[:6000])
    >>> batches = [table[start:start + 500] for start in range(6000, 9000, 500)]
    >>> [monitor.observe(batch).alarms for batch in batches]
    [(), (), (), ('fuel',), ('fuel',), ('fuel',)]
    >>> [monitor.observe(batch).drifted for batch in batches].index(True)
    3
    """

    def __init__(
        self,
        *,
        n_bins: int = 10,
        min_rows: int = 200,
        block_length: int | None = None,
        significance: float = 0.05,
        effect: float = 0.2,
        joint: bool = True,
        seed: int = 0,
    ) -> None:
        for name, value, least in (
            ("n_bins", n_bins, 2),
            ("min_rows", min_rows, CELL),
            ("block_length", block_length or CELL, 1),
        ):
            if value < least:
                raise UsageError(f"{name} is {value}; it must be at least {least}.")
        if n_bins > 100:
            raise UsageError(f"n_bins is {n_bins}; it must be at most 100.")
        if not 0 < significance < 1 or effect < NOTHING:
            raise UsageError(
                f"significance is {significance}, it must be in (0, 1); "
                f"effect is {effect}, it must be at least {NOTHING}."
            )
        self.n_bins = n_bins
        self.min_rows = min_rows
        self.block_length = block_length
        self.significance = significance
        self.effect = effect
        self.joint = joint
        self.seed = seed
        self._columns: dict[str, ReferenceColumn] = {}
        self._predictions: tuple[str, ...] = ()
        self._classifier: DomainClassifier | None = None
        self._rows = 0
        self._limits: dict[int, Limits] = {}

    def fit(
        self, reference: pd.DataFrame, *, prediction: npt.ArrayLike | None = None
    ) -> DriftMonitor:
        """Learn bins and wandering from reference rows in time order.

        The more time the reference covers, the better it knows what is usual: a reference of one
        week does not know how weeks differ.

        Args:
            reference: The rows.
            prediction: Of the champion for these rows, (n,) or one column per class (n, k): columns
                ``prediction`` or ``prediction_0``, ... of the report. The classifier, which sees
                what they are made of, does not see them.

        Raises:
            DataError: fewer than five times ``min_rows``: too few stretches to learn limits from.
            MissingPackage: LightGBM is not installed, and ``joint`` not switched off.
        """
        if len(reference) < 5 * self.min_rows:
            raise DataError(
                f"The reference has {len(reference)} rows; limits need 5 x min_rows = "
                f"{5 * self.min_rows}."
            )
        inputs = reference.select_dtypes(exclude=["datetime", "datetimetz", "timedelta"])
        inputs = inputs.rename(columns=str)
        predictions = _name_predictions(prediction, inputs)
        table = inputs.assign(**predictions)
        self._rows, self._limits, self._classifier = len(table), {}, None
        self._predictions = tuple(predictions)
        names = list(table.columns)
        learnt = _in_threads(
            lambda name: ReferenceColumn.learn(table[name], self.n_bins, cell_rows(self._rows)),
            names,
        )
        self._columns = dict(zip(names, learnt, strict=True))
        if self.joint and inputs.shape[1] > 1:
            bins = {name: self._columns[name].bins for name in inputs.columns}
            self._classifier = DomainClassifier.learn(inputs, bins, self.seed)
        return self

    def observe(
        self, rows: pd.DataFrame, *, prediction: npt.ArrayLike | None = None, batch: str = ""
    ) -> DriftReport:
        """Compare one batch, in time order, with the reference; unknown columns are ignored.

        Args:
            rows: The batch.
            prediction: The champion's, if ``fit`` knew them; without, they are not judged.
            batch: Its name.

        Raises:
            DataError: a column is missing, or holds text where the reference holds numbers.
            UsageError: before ``fit``, or predictions that ``fit`` did not know.
        """
        rows = rows.rename(columns=str)
        predictions = _name_predictions(prediction, rows)
        names = self._judged(rows, tuple(predictions))
        if len(rows) < self.min_rows:
            reason = f"{len(rows)} rows are too few to judge; min_rows is {self.min_rows}."
            return DriftReport(batch, len(rows), "insufficient_data", reason=reason)
        limits = self._limits_for(len(rows))
        measured = _in_threads(
            lambda name: self._columns[name].compare(
                predictions[name] if name in predictions else rows[name]
            ),
            names,
        )
        told = None
        if self._classifier and limits.joint:
            told = self._classifier.tell(rows, limits.standing)
        return report(
            batch, len(rows), dict(zip(names, measured, strict=True)), told, limits, self._ask
        )

    def save(self, path: Path) -> None:
        """Write what was learnt to one file, also the limits used so far.

        Of a reference of 20,000 rows and 20 columns it takes half a megabyte; no row is in it but
        the classifier's sample.
        """
        settings = {
            key: getattr(self, key) for key in inspect.signature(DriftMonitor).parameters
        } | {"rows": self._rows, "predictions": self._predictions}
        write_monitor(path, settings, self._columns, self._classifier, self._limits)

    @classmethod
    def load(cls, path: Path) -> DriftMonitor:
        """Return a fitted monitor that `save` wrote; it judges as that one did.

        Raises:
            DataError: No such file, or not one of ours.
        """
        settings, columns, classifier, limits = read_monitor(path)
        rows, predictions = settings.pop("rows"), settings.pop("predictions")
        monitor = cls(**settings)
        monitor._rows, monitor._predictions = rows, tuple(predictions)
        monitor._columns, monitor._classifier, monitor._limits = columns, classifier, limits
        return monitor

    @property
    def _ask(self) -> Ask:
        return Ask(self.significance, self.effect)

    def _judged(self, rows: pd.DataFrame, predictions: tuple[str, ...]) -> list[str]:
        """Return the columns to compare, or say which one is missing."""
        if not self._columns:
            raise UsageError("This DriftMonitor has no reference: call fit first.")
        if predictions and predictions != self._predictions:
            raise UsageError(
                f"The predictions are {list(predictions)}; fit was given"
                f" {list(self._predictions) or 'none'}."
            )
        inputs = [name for name in self._columns if name not in self._predictions]
        for name in inputs:
            if name not in rows.columns:
                hint = close_match(name, [str(column) for column in rows.columns])
                raise DataError(f"The batch has no column {name!r}.{hint}")
        return [*inputs, *predictions]

    def _limits_for(self, rows: int) -> Limits:
        """Return the limits of batches of about so many rows, learnt at the first of them."""
        size = max(self.min_rows, size_class(rows))
        if size not in self._limits:
            self._limits[size] = learn_limits(
                self._columns,
                self._classifier,
                self._ask,
                rows=self._rows,
                size=size,
                block=self.block_length,
                seed=self.seed,
            )
        return self._limits[size]


def _name_predictions(
    prediction: npt.ArrayLike | None, table: pd.DataFrame
) -> dict[str, pd.Series[float]]:
    """Return predictions as named columns beside a table.

    Raises:
        DataError: Not as many as rows.
        UsageError: The table has a column of that name.
    """
    import pandas as pd

    if prediction is None:
        return {}
    values = np.asarray(prediction, dtype=np.float64)
    if len(values) != len(table):
        raise DataError(f"There are {len(values)} predictions for {len(table)} rows.")
    named = {PREDICTION: values}
    if values.ndim > 1 and values.shape[1] > 1:
        named = {f"{PREDICTION}_{k}": values[:, k] for k in range(values.shape[1])}
    for name in named:
        if name in table.columns:
            raise UsageError(f"The table has a column {name!r}, the name of the predictions.")
    return {
        name: pd.Series(column.ravel(), index=table.index, name=name)
        for name, column in named.items()
    }


def _in_threads(function: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Apply a function that lets go of Python's lock to every column."""
    if len(names) < 2:
        return [function(name) for name in names]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, names))
