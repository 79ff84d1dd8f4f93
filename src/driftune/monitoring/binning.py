"""Turn a column into bin numbers, with bins of their own for missing and unseen values.

A million floats are binned in two milliseconds: the distance from the reference's median as a
32-bit float, of which the upper 16 bits (sign, exponent, 7 bits of mantissa) are looked up in a
table. Where such a key is too coarse for a column, its values are searched among the edges, which
takes fifty times as long.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.metrics import FloatArray, as_floats

if TYPE_CHECKING:
    import pandas as pd

Codes: TypeAlias = npt.NDArray[np.uint8]
Level: TypeAlias = str | int | float | bool

FINE = 100  # quantile bins of a number; a code must fit into a byte
_MOST_LEVELS = 50  # a bin with a row or two would drift by itself
_MOST_VALUES = 100_000  # values that edges are learnt from; any edges do, all values are counted
_KEYS = 1 << 16
_UPPER = 1 if sys.byteorder == "little" else 0  # which half of a float holds its exponent
_COARSE = 0.5 / FINE  # share of rows that the table may put into another bin than the edges do


@dataclass(frozen=True)
class Binned:
    """A column in bins.

    Args:
        codes: Bin (n,) of each value; the last bin is for missing values.
        unseen: Share of values that the reference never had: levels, or numbers out of its range.
        sum: Of the finite values; 0 for levels.
    """

    codes: Codes
    unseen: float
    sum: float = 0.0


@dataclass(frozen=True)
class NumericBins:
    """Quantile bins of the reference, fine ones in coarse ones; the last is for missing values.

    Args:
        edges: Edges (e,) of fine bins, ascending, distinct; a value at an edge is in the upper bin.
        starts: First fine bin of each coarse one, the first being 0.
        positions: Mean (e + 1,) of the reference's values in each fine bin.
        low: Smallest finite value of the reference.
        high: Largest.
        centre: Where the keys have their origin.
        scale: Standard deviation of the reference, 1 for a constant.
        by_key: Whether the table of keys is fine enough.
    """

    edges: FloatArray
    starts: npt.NDArray[np.intp]
    positions: FloatArray
    low: float
    high: float
    centre: float
    scale: float
    by_key: bool
    kind: Literal["numeric", "categorical"] = "numeric"

    @property
    def size(self) -> int:
        """Number of fine bins."""
        return len(self.edges) + 2

    def read(self, column: pd.Series[Any]) -> Binned:
        """Put each value into its bin.

        Raises:
            DataError: Text where numbers belong.
        """
        values = read_floats(column)
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
            if not np.isfinite(total):
                total = float(values[np.isfinite(values)].sum())
        return Binned(self._codes(values), self._unseen(values), total)

    def group(self, counts: FloatArray) -> FloatArray:
        """Return counts (..., size) summed up to coarse bins and that of missing values."""
        starts = np.append(self.starts, self.size - 1)
        grouped: FloatArray = np.add.reduceat(counts, starts, axis=-1)
        return grouped

    def _codes(self, values: FloatArray) -> Codes:
        if self.by_key:
            return self._table[_keys(values, self.centre)]
        codes = np.searchsorted(self.edges, values, side="right")
        codes[np.isnan(values)] = self.size - 1
        return codes.astype(np.uint8)

    @cached_property
    def _table(self) -> Codes:
        """The bin of each of the 65,536 keys."""
        keys = np.arange(_KEYS)
        edges = np.sort(_rank(_keys(self.edges, self.centre)))
        table = np.searchsorted(edges, _rank(keys), side="right").astype(np.uint8)
        table[(keys & 0x7FFF) > 0x7F80] = self.size - 1  # not a number
        return table

    def _unseen(self, values: FloatArray) -> float:
        if not len(values):
            return 0.0
        if np.fmin.reduce(values) >= self.low and np.fmax.reduce(values) <= self.high:
            return 0.0
        return float(((values < self.low) | (values > self.high)).mean())


@dataclass(frozen=True)
class LevelBins:
    """One bin per level, one for unseen levels, one for missing values.

    Of more than 50 levels the rare share one bin with the unseen: where levels are many, new ones
    keep coming without any drift. Their share is still reported.

    Args:
        levels: The reference's levels, the most frequent first.
    """

    levels: tuple[Level, ...]
    kind: Literal["numeric", "categorical"] = "categorical"

    @property
    def size(self) -> int:
        """Number of bins."""
        return min(len(self.levels), _MOST_LEVELS) + 2

    @cached_property
    def _ranks(self) -> dict[Level, int]:
        return {level: rank for rank, level in enumerate(self.levels)}

    def read(self, column: pd.Series[Any]) -> Binned:
        """Put each value into its bin."""
        numbers, levels = _number_levels(column)
        ranks = np.array([self._ranks.get(level, -1) for level in levels] + [-2])
        bins = np.where(ranks < 0, self.size - 2, np.minimum(ranks, self.size - 2))
        bins[-1] = self.size - 1  # where numbers are -1: missing
        counts = np.bincount(numbers + 1, minlength=len(levels) + 1)[1:]
        unseen = float(counts[ranks[:-1] == -1].sum()) / max(1, len(column))
        return Binned(bins.astype(np.uint8)[numbers], unseen)

    def group(self, counts: FloatArray) -> FloatArray:
        """Return the counts: no bin is finer than a level."""
        return counts


def learn_bins(column: pd.Series[Any], n_bins: int) -> NumericBins | LevelBins:
    """Return the bins of a reference column: numbers get quantile bins, all else levels.

    A column of at most ``n_bins`` distinct numbers gets a bin for each of them, and one each for
    what is below and above them.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _learn_numeric(read_floats(column), n_bins)
    numbers, levels = _number_levels(column)
    counts = np.bincount(numbers + 1, minlength=len(levels) + 1)[1:]
    order = np.argsort(-counts, kind="stable")
    return LevelBins(tuple(levels[place] for place in order if counts[place]))


def read_floats(column: pd.Series[Any]) -> FloatArray:
    """Return values (n,) with NaN where missing; those of a float column are not copied.

    Raises:
        DataError: Text where numbers belong.
    """
    if column.dtype == np.float64:
        return np.asarray(column.to_numpy())
    return as_floats(column, f"values of column {column.name!r}")


def _learn_numeric(values: FloatArray, n_bins: int) -> NumericBins:
    finite = values[np.isfinite(values)]
    if not len(finite):
        none = np.array([])
        return NumericBins(none, np.array([0]), np.zeros(1), np.inf, -np.inf, 0.0, 1.0, True)
    some = finite[:: -(-len(finite) // _MOST_VALUES)]
    distinct = np.unique(some)
    if len(distinct) <= n_bins:
        edges = coarse = _edges_between(distinct)
    else:
        steps = max(1, FINE // n_bins)  # fine bins in a coarse one
        quantiles = np.quantile(some, np.linspace(0, 1, n_bins * steps + 1)[1:-1])
        edges, coarse = np.unique(quantiles), np.unique(quantiles[steps - 1 :: steps])
    found = np.searchsorted(edges, some, side="right")
    counts = np.bincount(found, minlength=len(edges) + 1)
    sums = np.bincount(found, weights=some, minlength=len(edges) + 1)
    corners = np.concatenate([edges[:1], edges])  # an empty bin sits at its lower edge
    bins = NumericBins(
        edges=edges,
        starts=np.concatenate([[0], np.searchsorted(edges, coarse) + 1]),
        positions=np.where(counts > 0, sums / np.maximum(counts, 1), corners),
        low=float(finite.min()),
        high=float(finite.max()),
        centre=float(np.median(some)),
        scale=float(finite.std()) or 1.0,
        by_key=True,
    )
    by_key = np.bincount(bins._codes(some), minlength=bins.size)[:-1]
    if np.abs(np.cumsum(by_key - counts)).max() <= _COARSE * len(some):
        return bins
    return replace(bins, by_key=False)


def _edges_between(distinct: FloatArray) -> FloatArray:
    """Return edges half-way between the values, and as far outside the first and the last."""
    if len(distinct) == 1:
        return np.array([distinct[0], np.nextafter(distinct[0], np.inf)])
    between = (distinct[1:] + distinct[:-1]) / 2
    below, above = distinct[0] - between[0], distinct[-1] - between[-1]
    return np.array([distinct[0] + below, *between, distinct[-1] + above])


def _keys(values: FloatArray, centre: float) -> npt.NDArray[np.uint16]:
    """Return the upper halves (n,) of the distances from the centre as 32-bit floats."""
    with np.errstate(over="ignore", invalid="ignore"):  # too large for 32 bits is infinite
        distance = (values - centre).astype(np.float32)
    return distance.view(np.uint16)[_UPPER::2]


def _rank(keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return keys in the order of the numbers: those of negative numbers run backwards."""
    wide = keys.astype(np.int64)
    return np.where(wide < _KEYS // 2, wide + _KEYS // 2, _KEYS - 1 - wide)


def _number_levels(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[Level]]:
    """Return the number (n,) of each value's level, -1 for missing ones, and the levels."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        numbers, levels = column.cat.codes.to_numpy(), column.cat.categories
    else:
        numbers, levels = pd.factorize(column)
    plain = pd.Index(levels).astype(object).tolist()
    return numbers.astype(np.intp), [
        level if isinstance(level, str | int | float) else str(level) for level in plain
    ]
