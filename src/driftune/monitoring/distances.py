"""Distances between two samples, from their counts per bin.

Every function takes counts ``(..., bins)`` of any number of samples at once, and of the reference
``(bins,)`` or ``(..., bins)``; it returns one number per sample. Equal shares give exactly zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from driftune.metrics import FloatArray


def population_stability(counts: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the population stability index, ``sum((p - q) * ln(p / q))`` (Siddiqi 2006), >= 0.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946): about ``d ** 2`` where a normal
    mean moves by d standard deviations. Every bin of every sample gets half a row more, so that an
    empty one has a logarithm.

    >>> import numpy as np
    >>> population_stability(np.array([[3e5, 7e5], [5e5, 5e5]]), np.array([3e5, 7e5])).round(4)
    array([0.    , 0.1695])
    """
    share, expected = _shares(counts + 0.5), _shares(reference + 0.5)
    psi: FloatArray = ((share - expected) * np.log(share / expected)).sum(axis=-1)
    return psi


def jensen_shannon(counts: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the Jensen-Shannon distance, base 2: 0 for equal shares, 1 for nothing in common.

    The root of the divergence (Endres & Schindelin 2003), as
    ``scipy.spatial.distance.jensenshannon``.

    >>> import numpy as np
    >>> jensen_shannon(np.array([0.0, 9.0]), np.array([5.0, 0.0]))
    np.float64(1.0)
    """
    share, expected = _shares(counts), _shares(reference)
    middle = (share + expected) / 2
    divergence = (_entropy_terms(share, middle) + _entropy_terms(expected, middle)) / 2
    distance: FloatArray = np.sqrt(np.maximum(divergence.sum(axis=-1), 0))
    return distance


def kolmogorov_smirnov(counts: FloatArray, reference: FloatArray) -> FloatArray:
    """Return the greatest distance of the distribution functions at the edges of ordered bins.

    It is below that of the samples themselves by at most the greatest share that the reference has
    in a bin: 0.01 with a hundred quantile bins.

    >>> import numpy as np
    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 1.0]), np.array([2.0, 2.0, 0.0]))
    np.float64(0.25)
    """
    gaps = np.cumsum(_shares(counts), axis=-1) - np.cumsum(_shares(reference), axis=-1)
    distance: FloatArray = np.abs(gaps).max(axis=-1)
    return distance


def wasserstein(counts: FloatArray, reference: FloatArray, positions: FloatArray) -> FloatArray:
    """Return the Wasserstein-1 distance of ordered bins that sit at ``positions`` (bins,).

    ``integral |F(x) - G(x)| dx`` (Vallender 1974), in the unit of the positions.

    >>> import numpy as np
    >>> wasserstein(np.array([0.0, 4.0]), np.array([2.0, 2.0]), np.array([10.0, 13.0]))
    np.float64(1.5)
    """
    gaps = np.cumsum(_shares(counts), axis=-1) - np.cumsum(_shares(reference), axis=-1)
    distance: FloatArray = (np.abs(gaps[..., :-1]) * np.diff(positions)).sum(axis=-1)
    return distance


def chi_square(counts: FloatArray, reference: FloatArray) -> tuple[float, float]:
    """Return Pearson's statistic that two samples share one distribution, and its p-value.

    As ``scipy.stats.chi2_contingency`` without correction, over the bins that either sample has.
    The p-value holds for independent rows.

    >>> import numpy as np
    >>> statistic, p = chi_square(np.array([30.0, 70.0]), np.array([60.0, 40.0]))
    >>> round(statistic, 3), p < 0.001
    (18.182, True)
    """
    from scipy.special import chdtrc  # the chi-square tail; scipy.stats loads for a second

    table = np.stack([counts, reference])
    table = table[:, table.sum(axis=0) > 0]
    rows, columns = table.sum(axis=1, keepdims=True), table.sum(axis=0, keepdims=True)
    if table.shape[1] < 2 or not rows.all():
        return 0.0, 1.0
    expected = rows * columns / rows.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(table.shape[1] - 1, statistic))


def kolmogorov_p(distance: float, rows: float, reference_rows: float) -> float:
    """Return the asymptotic p-value of a KS distance of two samples of independent rows.

    >>> round(kolmogorov_p(0.0607, 1000, 1000), 3)
    0.05
    """
    from scipy.special import kolmogorov

    if not rows or not reference_rows:
        return 1.0
    return float(kolmogorov(np.sqrt(rows * reference_rows / (rows + reference_rows)) * distance))


def _shares(counts: FloatArray) -> FloatArray:
    """Return counts over their sum; nothing at all has no share anywhere."""
    shares: FloatArray = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300)
    return shares


def _entropy_terms(share: FloatArray, middle: FloatArray) -> FloatArray:
    """Return ``p log2(p / m)``, 0 where p is 0."""
    ratio = np.divide(share, middle, out=np.ones_like(middle), where=share > 0)
    terms: FloatArray = share * np.log2(ratio)
    return terms
