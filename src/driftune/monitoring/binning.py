"""Turn a column into bin numbers, with bins of their own for missing and unseen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.metrics import FloatArray, as_floats

if TYPE_CHECKING:
    import pandas as pd

Codes: TypeAlias = npt.NDArray[np.intp]

_MOST_LEVELS = 50  # a bin with a row or two would drift by itself


@dataclass(frozen=True)
class NumericBins:
    """Quantile bins of the reference; the last bin is for missing values.

    Args:
        edges: Edges between bins, ascending, distinct; a value at an edge is in the upper bin.
        low: Smallest finite value of the reference.
        high: Largest.
    """

    edges: FloatArray
    low: float
    high: float
    kind: Literal["numeric", "categorical"] = "numeric"

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) + 2

    def codes(self, column: pd.Series[Any]) -> Codes:
        """Return the bin (n,) of each value."""
        values = as_floats(column, f"values of column {column.name!r}")
        codes = np.searchsorted(self.edges, values, side="right")
        codes[np.isnan(values)] = self.size - 1
        return codes

    def unseen(self, column: pd.Series[Any]) -> float:
        """Return the share of values outside the range of the reference."""
        values = as_floats(column, f"values of column {column.name!r}")
        return float(((values < self.low) | (values > self.high)).mean())


@dataclass(frozen=True)
class LevelBins:
    """One bin per level, one for unseen levels, one for missing values.

    Of more than 50 levels the rare share one bin with the unseen: where levels are many, new ones
    keep coming without any drift. Their share is still reported.
    """

    levels: pd.Index[Any]
    kind: Literal["numeric", "categorical"] = "categorical"

    @property
    def size(self) -> int:
        """Number of bins."""
        return min(len(self.levels), _MOST_LEVELS) + 2

    def codes(self, column: pd.Series[Any]) -> Codes:
        """Return the bin (n,) of each value."""
        found = self._found(column)
        codes = np.minimum(found, self.size - 2)
        codes[found < 0] = self.size - 2
        codes[column.isna().to_numpy()] = self.size - 1
        return codes

    def unseen(self, column: pd.Series[Any]) -> float:
        """Return the share of values that the reference never had."""
        return float(((self._found(column) < 0) & column.notna().to_numpy()).mean())

    def _found(self, column: pd.Series[Any]) -> Codes:
        """Return the rank of each value's level by frequency, -1 for none."""
        import pandas as pd

        return np.asarray(self.levels.get_indexer(pd.Index(column.astype(object))), dtype=np.intp)


def learn_bins(column: pd.Series[Any], n_bins: int) -> NumericBins | LevelBins:
    """Return the bins of a reference column: numbers get quantile bins, all else levels.

    A column of at most ``n_bins`` distinct numbers gets a bin for each of them, and one for what is
    below and above them.
    """
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not numeric:
        counts = column.dropna().astype(object).value_counts()
        return LevelBins(counts.index)
    values = as_floats(column, f"values of column {column.name!r}")
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return NumericBins(np.array([]), np.inf, -np.inf)
    distinct = np.unique(values)
    if len(distinct) <= n_bins:
        between = (distinct[1:] + distinct[:-1]) / 2
        edges = np.array([distinct[0], *between, np.nextafter(distinct[-1], np.inf)])
    else:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return NumericBins(edges, float(distinct[0]), float(distinct[-1]))
