"""Confidence intervals for rows in time order: the circular block bootstrap.

Neighbouring rows fail together (one storm, one strike), so an interval that draws single rows is
too narrow. Drawing blocks of neighbours keeps their dependence; wrapping the last row to the first
gives every row the same chance (Politis & Romano 1992, "A circular block-resampling procedure for
stationary data").

>>> import numpy as np
>>> losses = np.random.default_rng(0).exponential(size=1000)
>>> draws = BlockDraws(1000, seed=0, n_resamples=500, block_length=block_length(losses))
>>> interval = percentile_interval(draws.means(losses), losses.mean())
>>> bool(interval.low < losses.mean() < interval.high)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_CHUNK = (
    2_000_000  # numbers held at once (16 MB as float64), so that memory does not grow with rows
)


@dataclass(frozen=True)
class Interval:
    """A point and its confidence limits, in the unit of the point."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class BlockDraws:
    """A reproducible set of circular block resamples of ``n`` rows.

    Using one object for two models pairs them: both see the same rows in every resample. The
    draws are made again from ``seed`` each time they are used, so they cost no memory.

    Args:
        n: Rows, in time order.
        seed: The same seed gives the same draws.
        n_resamples: How many resamples.
        block_length: Rows per block; ``None`` is ``block_length(n)``.

    Raises:
        UsageError: a number below 1.
    """

    n: int
    seed: int = 0
    n_resamples: int = 1000
    block_length: int | None = None

    def __post_init__(self) -> None:
        """Refuse empty draws."""
        for name in ("n", "n_resamples", "block_length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1.")

    @property
    def length(self) -> int:
        """Rows per block, at most ``n``."""
        return min(self.n, self.block_length or block_length(self.n))

    def means(self, values: npt.ArrayLike) -> FloatArray:
        """Return the mean of ``values`` (n,), finite, in every resample: shape (n_resamples,).

        A block's sum is the difference of two cumulative sums, so the cost is that of the number
        of blocks, not of rows.
        """
        rows = np.asarray(values, dtype=np.float64)
        centre = float(rows.mean())  # cumulative sums of centred values lose no digits
        wrapped = np.concatenate([rows, rows[: self.length]]) - centre
        sums = np.concatenate([[0.0], np.cumsum(wrapped)])
        means = []
        for starts, sizes in self._chunks():
            means.append((sums[starts + sizes] - sums[starts]).sum(axis=1) / self.n)
        return np.concatenate(means) + centre

    def weights(self) -> Iterator[FloatArray]:
        """Yield chunks (resamples, n): how often each row was drawn. Each line sums to n."""
        width = 2 * self.n + 1
        for starts, sizes in self._chunks(width):
            count = len(starts)
            offset = np.arange(count)[:, None] * width
            size = count * width
            steps = np.bincount((starts + offset).ravel(), minlength=size).astype(np.float64)
            steps -= np.bincount((starts + sizes + offset).ravel(), minlength=size)
            covered = np.cumsum(steps.reshape(count, width), axis=1)
            yield covered[:, : self.n] + covered[:, self.n : 2 * self.n]

    def _chunks(self, width: int | None = None) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield (starts, sizes) of blocks; ``width`` is what one resample takes when unfolded.

        The first draws are the same whatever the chunk: one generator, filled line by line.
        """
        rng = np.random.default_rng(self.seed)
        sizes = _block_sizes(self.n, self.length)
        at_once = max(1, _CHUNK // (width or len(sizes)))
        for done in range(0, self.n_resamples, at_once):
            count = min(at_once, self.n_resamples - done)
            yield rng.integers(self.n, size=(count, len(sizes))), sizes


def block_length(rows: int | npt.ArrayLike) -> int:
    """Return how many neighbouring rows make a block.

    The floor is ``n ** (1/3)``, the best rate for the variance of a mean (Hall, Horowitz & Jing
    1995, "On blocking rules for the bootstrap with dependent data"). Given the values themselves,
    (n,) finite in time order, the floor is raised to the automatic choice of Politis & White 2004
    as corrected by Patton, Politis & White 2009 (circular bootstrap): ``(2 G^2 / D) ** (1/3) *
    n ** (1/3)``, ``D = 4/3 g(0)^2``, at most ``3 sqrt(n)`` and a third of the rows.

    >>> block_length(20_000)
    28
    >>> import numpy as np
    >>> slow = np.repeat(np.random.default_rng(0).normal(size=400), 50)  # steps of 50 rows
    >>> block_length(slow) > 50
    True
    """
    if isinstance(rows, int | np.integer):
        return max(1, int(np.ceil(int(rows) ** (1 / 3))))
    values = np.asarray(rows, dtype=np.float64)
    floor = block_length(len(values))
    ceiling = max(floor, int(min(np.ceil(3 * np.sqrt(len(values))), len(values) / 3)))
    return int(np.clip(_automatic_length(values), floor, ceiling))


def block_indices(
    n: int, *, rng: np.random.Generator, n_resamples: int, block_length: int | None = None
) -> IntArray:
    """Return row numbers (n_resamples, n) of circular block resamples of n rows in time order.

    For statistics that need the rows themselves; it holds 8 bytes per row and resample, so use
    `BlockDraws` for large tables.
    """
    draws = BlockDraws(n, n_resamples=n_resamples, block_length=block_length)
    sizes = _block_sizes(n, draws.length)
    starts = rng.integers(n, size=(n_resamples, len(sizes)))
    within = np.concatenate([np.arange(size) for size in sizes])
    indices: IntArray = (np.repeat(starts, sizes, axis=1) + within) % n
    return indices


def bootstrap_interval(
    statistic: Callable[[IntArray], float],
    n: int,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    block_length: int | None = None,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of any statistic of row numbers; slow but general.

    Args:
        statistic: Takes row numbers (n,), returns a number; NaN means "undefined on these rows".
        n: Rows, in time order.
        confidence: Two-sided, in (0, 1).
        n_resamples: How many resamples.
        block_length: Rows per block; ``None`` is ``block_length(n)``.
        seed: The same seed gives the same interval.

    Raises:
        DataError: the statistic is undefined on more than half of the resamples.

    >>> import numpy as np
    >>> values = np.arange(100.0)
    >>> bootstrap_interval(lambda rows: float(values[rows].mean()), 100, seed=1).value
    49.5
    """
    rng = np.random.default_rng(seed)
    found = [
        statistic(block_indices(n, rng=rng, n_resamples=1, block_length=block_length)[0])
        for _ in range(n_resamples)
    ]
    return percentile_interval(np.array(found), statistic(np.arange(n)), confidence=confidence)


def percentile_interval(
    resampled: FloatArray, value: float, *, confidence: float = 0.95
) -> Interval:
    """Return the percentile interval of resampled values (r,) around the value on all rows.

    Raises:
        UsageError: confidence is not in (0, 1).
        DataError: more than half of the resampled values are NaN.
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must be between 0 and 1.")
    known = resampled[~np.isnan(resampled)]
    if 2 * len(known) < len(resampled):
        raise DataError(
            f"The statistic is undefined on {len(resampled) - len(known)} of {len(resampled)} "
            "resamples: too few rows, or too few of one class, for an interval."
        )
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(min(float(low), float(value)), float(value), max(float(high), float(value)))


def _block_sizes(n: int, length: int) -> IntArray:
    """Return the sizes of the blocks of one resample: all ``length`` but the last, sum n."""
    sizes = np.full(-(-n // length), length, dtype=np.int64)
    sizes[-1] = n - length * (len(sizes) - 1)
    return sizes


def _automatic_length(values: FloatArray) -> float:
    """Return the block length of Patton, Politis & White 2009 for the circular bootstrap."""
    n = len(values)
    if n < 8 or np.ptp(values) == 0:
        return 1.0
    run = max(5, int(np.sqrt(np.log10(n))))
    last = int(np.ceil(np.sqrt(n))) + run
    covariance = _autocovariance(values, min(2 * last, n - 1))
    small = np.abs(covariance[1:]) < 2 * np.sqrt(np.log10(n) / n) * covariance[0]
    quiet = np.convolve(small, np.ones(run), mode="valid") == run  # lags from which all is small
    first = int(np.argmax(quiet)) if quiet.any() else last
    lags = np.arange(1, min(2 * max(first, 1), len(covariance) - 1) + 1)
    window = np.clip(2 * (1 - lags / (2 * max(first, 1))), 0, 1)  # flat top, then a slope
    slope = 2 * float((window * lags * covariance[lags]).sum())
    spectrum = float(covariance[0] + 2 * (window * covariance[lags]).sum())
    if spectrum <= 0:
        return 1.0
    return float((2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * n ** (1 / 3))


def _autocovariance(values: FloatArray, lags: int) -> FloatArray:
    """Return autocovariances at lags 0..lags, shape (lags + 1,), by the fast Fourier transform."""
    centred = values - values.mean()
    spectrum = np.fft.rfft(centred, 2 * len(values))
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: lags + 1]
    covariance: FloatArray = products / len(values)
    return covariance
