"""Input drift per column, with limits learnt from how much the reference itself wanders.

The population stability index (PSI, Siddiqi 2006: ``sum((p - q) * ln(p / q))`` over bins) has no
universal limit. In small batches it is large by chance; a column that changes slowly, such as the
weather, differs week by week without any drift. So the limit for a batch of b rows is what
stretches of b consecutive reference rows show against the rest of the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from driftune.errors import DataError, UsageError, close_match
from driftune.monitoring.binning import LevelBins, NumericBins, learn_bins

if TYPE_CHECKING:
    import pandas as pd

    from driftune.metrics import FloatArray

_CELL = 50  # rows counted together; stretches begin and end on cells, so it is below min_rows
_DRAWS = 500
_NO_DRIFT = 1e-4  # a PSI below this counts as this, so that it has a logarithm


@dataclass(frozen=True)
class ColumnDrift:
    """Drift of one column.

    Args:
        column: Its name.
        kind: numeric or categorical.
        psi: Of the batch against the reference.
        threshold: What ``psi`` must exceed: the effect asked for, or what this column does anyway.
        alarm: Whether it does.
        missing: Share of missing values in the batch.
        unseen: Share of levels, or of numbers out of range, that the reference never had.
    """

    column: str
    kind: str
    psi: float
    threshold: float
    alarm: bool
    missing: float
    unseen: float


@dataclass(frozen=True)
class DriftReport:
    """Drift of one batch; ``dataclasses.asdict`` gives plain numbers.

    Args:
        batch: Name of the batch.
        rows: Rows in it.
        status: insufficient_data: below ``min_rows``, no column was judged.
        columns: One entry per column, in the order of the reference; empty without enough data.
    """

    batch: str
    rows: int
    status: Literal["ok", "insufficient_data"]
    columns: tuple[ColumnDrift, ...]

    @property
    def alarms(self) -> tuple[str, ...]:
        """The columns that drifted."""
        return tuple(column.column for column in self.columns if column.alarm)

    @property
    def table(self) -> pd.DataFrame:
        """One line per column, the largest PSI relative to its threshold first."""
        import pandas as pd

        order = sorted(self.columns, key=lambda c: c.psi / c.threshold, reverse=True)
        return pd.DataFrame([vars(column) for column in order], columns=list(_FIELDS))


_FIELDS = tuple(ColumnDrift.__dataclass_fields__)


class DriftMonitor:
    """Find columns whose distribution left what the reference does by itself.

    An alarm needs an effect (``effect``), significance corrected for the number of columns
    (``significance``), and ``min_rows``. The limit of a column is the upper prediction limit of
    log PSI of a further stretch (Student's t with as many degrees of freedom as stretches fit into
    the reference, less one), or ``effect`` if that is more. Columns of time stamps are left out.

    Args:
        n_bins: Quantile bins of a numeric column; missing values get one more.
        min_rows: Batches below it are insufficient_data.
        block_length: Consecutive reference rows drawn together. None = as many as the batch has,
            at most a fifth of the reference; larger batches are put together from several.
        significance: Chance of any false alarm in a batch, over all columns.
        effect: Smallest PSI that matters.
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
    >>> [monitor.observe(table[start:start + 500]).alarms for start in range(6000, 9000, 500)]
    [(), (), (), ('fuel',), ('fuel',), ('fuel',)]
    """

    def __init__(
        self,
        *,
        n_bins: int = 10,
        min_rows: int = 200,
        block_length: int | None = None,
        significance: float = 0.05,
        effect: float = 0.2,
        seed: int = 0,
    ) -> None:
        for name, value, least in (
            ("n_bins", n_bins, 2),
            ("min_rows", min_rows, _CELL),
            ("block_length", block_length or _CELL, 1),
        ):
            if value < least:
                raise UsageError(f"{name} is {value}; it must be at least {least}.")
        if not 0 < significance < 1 or effect <= 0:
            raise UsageError(
                f"significance is {significance}, it must be in (0, 1); "
                f"effect is {effect}, it must be above 0."
            )
        self.n_bins = n_bins
        self.min_rows = min_rows
        self.block_length = block_length
        self.significance = significance
        self.effect = effect
        self.seed = seed
        self._bins: dict[str, NumericBins | LevelBins] = {}
        self._sums: dict[str, FloatArray] = {}  # counts per bin up to each cell, (cells + 1, bins)
        self._limits: dict[int, dict[str, float]] = {}

    def fit(self, reference: pd.DataFrame) -> DriftMonitor:
        """Learn bins and wandering from reference rows in time order.

        Raises:
            DataError: fewer than five times ``min_rows``: too few stretches to learn limits from.
        """
        if len(reference) < 5 * self.min_rows:
            raise DataError(
                f"The reference has {len(reference)} rows; limits need 5 x min_rows = "
                f"{5 * self.min_rows}."
            )
        self._bins, self._sums, self._limits = {}, {}, {}
        cells = np.arange(len(reference)) // _CELL
        for name in reference.select_dtypes(exclude=["datetime", "datetimetz"]).columns:
            bins = learn_bins(reference[name], self.n_bins)
            codes = cells * bins.size + bins.codes(reference[name])
            counts = np.bincount(codes, minlength=(cells[-1] + 1) * bins.size)
            per_cell = counts.reshape(-1, bins.size).astype(np.float64)
            self._bins[name] = bins
            self._sums[name] = np.vstack([np.zeros(bins.size), np.cumsum(per_cell, axis=0)])
        return self

    def observe(self, rows: pd.DataFrame, *, batch: str = "") -> DriftReport:
        """Compare one batch with the reference; columns that the reference lacks are ignored.

        Raises:
            DataError: a column is missing, or holds text where the reference holds numbers.
            UsageError: before ``fit``.
        """
        if not self._bins:
            raise UsageError("This DriftMonitor has no reference: call fit first.")
        for name in self._bins:
            if name not in rows.columns:
                hint = close_match(name, [str(column) for column in rows.columns])
                raise DataError(f"The batch has no column {name!r}.{hint}")
        if len(rows) < self.min_rows:
            return DriftReport(batch, len(rows), "insufficient_data", ())
        limits = self._limits.get(len(rows)) or self._learn_limits(len(rows))
        columns = tuple(self._compare(rows[name], limits[name]) for name in self._bins)
        return DriftReport(batch, len(rows), "ok", columns)

    def _compare(self, column: pd.Series[Any], threshold: float) -> ColumnDrift:
        name = str(column.name)
        bins = self._bins[name]
        counts = np.bincount(bins.codes(column), minlength=bins.size).astype(np.float64)
        psi = float(population_stability(counts[None, :], self._sums[name][-1])[0])
        return ColumnDrift(
            column=name,
            kind=bins.kind,
            psi=psi,
            threshold=threshold,
            alarm=psi > threshold,
            missing=float(column.isna().mean()),
            unseen=bins.unseen(column),
        )

    def _learn_limits(self, size: int) -> dict[str, float]:
        """Return each column's limit for batches of ``size`` rows."""
        cells = len(next(iter(self._sums.values()))) - 1
        length = self.block_length or min(size, cells * _CELL // 5)
        width = min(max(1, round(length / _CELL)), cells)  # cells per block
        blocks = max(1, round(size / (width * _CELL)))
        rng = np.random.default_rng(self.seed)
        starts = rng.integers(cells - width + 1, size=(_DRAWS, blocks))
        independent = min(_DRAWS, max(2, cells // width))
        self._limits[size] = {
            name: max(self.effect, self._limit(sums, starts, width, independent))
            for name, sums in self._sums.items()
        }
        return self._limits[size]

    def _limit(
        self, sums: FloatArray, starts: np.ndarray[Any, Any], width: int, independent: int
    ) -> float:
        """Return the upper prediction limit of the PSI of one more stretch."""
        from scipy.special import stdtrit  # Student's t quantile; scipy.stats loads for a second

        drawn = (sums[starts + width] - sums[starts]).sum(axis=1)
        rest = sums[-1] - drawn if starts.shape[1] == 1 else sums[-1]
        logs = np.log(np.maximum(population_stability(drawn, rest), _NO_DRIFT))
        quantile = stdtrit(independent - 1, 1 - self.significance / len(self._sums))
        spread = float(logs.std()) * np.sqrt(1 + 1 / independent)
        return float(np.exp(logs.mean() + quantile * spread))


def population_stability(counts: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the PSI (r,) of bin counts (r, bins) against reference counts (bins,) or (r, bins).

    Every bin of every table gets half a row more, so that an empty one has a logarithm.

    >>> import numpy as np
    >>> population_stability(np.array([[30.0, 70.0]]), np.array([30.0, 70.0]))
    array([0.])
    """
    smooth = counts + 0.5
    share = smooth / smooth.sum(axis=-1, keepdims=True)
    smooth = reference + 0.5
    expected = smooth / smooth.sum(axis=-1, keepdims=True)
    psi: FloatArray = ((share - expected) * np.log(share / expected)).sum(axis=-1)
    return psi
