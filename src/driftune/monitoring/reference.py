"""What a drift monitor keeps of one reference column: its bins, and counts of them over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from driftune.monitoring.binning import Binned, LevelBins, NumericBins, learn_bins, read_floats
from driftune.monitoring.calibration import ENDLESS, Wandering
from driftune.monitoring.distances import (
    chi_square,
    jensen_shannon,
    kolmogorov_p,
    kolmogorov_smirnov,
    population_stability,
    wasserstein,
)

if TYPE_CHECKING:
    import pandas as pd

    from driftune.metrics import FloatArray
    from driftune.monitoring.calibration import Stretches


@dataclass(frozen=True)
class Measured:
    """Distances of one batch from the reference; see `ColumnDrift` for what they are."""

    psi: float
    wasserstein: float | None
    jensen_shannon: float
    ks: float | None
    ks_p: float | None
    chi_square: float
    chi_square_p: float
    missing: float
    missing_reference: float
    unseen: float


@dataclass(frozen=True)
class ReferenceColumn:
    """A column of the reference, of which no row is kept.

    Args:
        name: Of the column.
        bins: Learnt from it.
        counts: Rows per fine bin up to each cell, (cells + 1, bins).
        sums: Sum of the values up to each cell, (cells + 1,); zeros for levels.
    """

    name: str
    bins: NumericBins | LevelBins
    counts: npt.NDArray[np.int32]
    sums: FloatArray

    @classmethod
    def learn(cls, column: pd.Series[Any], n_bins: int, rows_per_cell: int) -> ReferenceColumn:
        """Count a column, in time order."""
        bins = learn_bins(column, n_bins)
        codes = bins.read(column).codes
        cells = np.arange(len(column)) // rows_per_cell
        count = int(cells[-1]) + 1
        counts = np.bincount(cells * bins.size + codes, minlength=count * bins.size)
        counts = np.cumsum(counts.reshape(count, bins.size), axis=0, dtype=np.int32)
        sums = np.zeros(count)
        if isinstance(bins, NumericBins):
            values = read_floats(column)
            finite = np.where(np.isfinite(values), values, 0.0)
            sums = np.cumsum(np.bincount(cells, weights=finite, minlength=count))
        before = np.zeros((1, bins.size), dtype=counts.dtype)
        return cls(str(column.name), bins, np.vstack([before, counts]), np.append(0.0, sums))

    @property
    def total(self) -> FloatArray:
        """Rows per fine bin."""
        total: FloatArray = self.counts[-1].astype(np.float64)
        return total

    @property
    def varies(self) -> bool:
        """Whether the reference has more than one value of it."""
        return int((self.total[:-1] > 0).sum()) > 1

    @property
    def occupied(self) -> int:
        """Bins of PSI that the reference has rows in."""
        return int((self.bins.group(self.total) > 0).sum())

    def calibrate(self, stretches: Stretches) -> tuple[Wandering, Wandering | None]:
        """Learn how far clean batches wander by PSI and, for numbers, by Wasserstein distance."""
        drawn, sums = stretches.sums(self.counts), stretches.sums(self.sums)
        rest, rest_sums = self.total, self.sums[-1]
        if stretches.apart:
            rest, rest_sums = rest - drawn, rest_sums - sums
        k = stretches.independent
        group = self.bins.group
        psi = Wandering.of(population_stability(group(drawn), group(rest)), k)
        if isinstance(self.bins, LevelBins):
            return psi, None
        return psi, Wandering.of(self._wasserstein(drawn, sums, rest, rest_sums), k)

    def compare(self, column: pd.Series[Any]) -> Measured:
        """Measure a batch's column.

        Raises:
            DataError: Text where the reference holds numbers.
        """
        read = self.bins.read(column)
        counts = np.bincount(read.codes, minlength=self.bins.size).astype(np.float64)
        grouped, expected = self.bins.group(counts), self.bins.group(self.total)
        statistic, p = chi_square(grouped, expected)
        ks, ks_p, transport = self._compare_order(read, counts)
        return Measured(
            psi=float(population_stability(grouped, expected)),
            wasserstein=transport,
            jensen_shannon=float(jensen_shannon(grouped, expected)),
            ks=ks,
            ks_p=ks_p,
            chi_square=statistic,
            chi_square_p=p,
            missing=float(counts[-1] / counts.sum()),
            missing_reference=float(self.total[-1] / self.total.sum()),
            unseen=read.unseen,
        )

    def _compare_order(
        self, read: Binned, counts: FloatArray
    ) -> tuple[float | None, float | None, float | None]:
        """Return KS distance, its p-value and the Wasserstein distance of numbers."""
        if isinstance(self.bins, LevelBins):
            return None, None, None
        present, reference = counts[:-1], self.total[:-1]
        if not present.sum() or not reference.sum():
            return 0.0, 1.0, 0.0  # nothing to compare: PSI sees that all are missing
        ks = float(kolmogorov_smirnov(present, reference))
        total = np.asarray(read.sum)
        transport = float(self._wasserstein(counts, total, self.total, self.sums[-1]))
        return ks, kolmogorov_p(ks, present.sum(), reference.sum()), transport

    def _wasserstein(
        self, counts: FloatArray, sums: FloatArray, rest: FloatArray, rest_sums: Any
    ) -> FloatArray:
        """Return distances in standard deviations; the means see what outer bins do not."""
        bins = self.bins
        assert isinstance(bins, NumericBins)
        binned = wasserstein(counts[..., :-1], rest[..., :-1], bins.positions)
        mean = sums / np.maximum(counts[..., :-1].sum(axis=-1), 1)
        rest_mean = rest_sums / np.maximum(rest[..., :-1].sum(axis=-1), 1)
        distances = np.maximum(binned, np.abs(mean - rest_mean)) / bins.scale
        bounded: FloatArray = np.nan_to_num(np.minimum(distances, ENDLESS), nan=ENDLESS)
        return bounded
