"""The power-law spectrum, and sums over it that cost the same for 1e4 features and for 1e12.

The first :data:`EXACT` features are summed one by one. The sum over the others is an integral with
the first Euler-Maclaurin correction, taken by Gauss-Legendre panels in the logarithm of the index,
where every summand of this package is smooth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

EXACT = 1000  # at 4000, every reference value keeps its first ten digits
_PER_PANEL = 16
_WIDEST = 2.5  # of a panel, in units of log j
_NEGLIGIBLE = 1e-16  # tau * eigenvalue from which 1 + tau * eigenvalue is 1


@dataclass(frozen=True)
class Spectrum:
    """Nodes of a sum over features: ``sum_j h(lam_j)`` is ``count @ h(values)``.

    Args:
        values: Eigenvalues of the covariance ``j^(-2 alpha)``, shape (n,), the largest is 1.
        count: How many features a node stands for, shape (n,).
        energy: ``count * lam * b^2``, the part of the target's variance at the node, shape (n,).
    """

    values: Array
    count: Array
    energy: Array

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues."""
        return float(self.count @ self.values)

    @property
    def variance(self) -> float:
        """Of the target: the loss of a model that predicts zero."""
        return float(self.energy.sum())


def power_law(alpha: float, beta: float, d: float, v: float) -> Spectrum:
    """Build the spectrum of ``v`` features with ``lam_j = j^(-2 alpha)`` and ``b_j = j^-beta``.

    Args:
        alpha: Positive.
        beta: Positive.
        d: Width of the model; matters only where the tail of infinitely many features is cut.
        v: Number of features, rounded; infinite only if ``2 alpha > 1``.

    >>> round(power_law(1.0, 0.5, d=100, v=math.inf).trace, 12) == round(math.pi**2 / 6, 12)
    True
    """
    if v <= EXACT:
        j = np.arange(1.0, round(v) + 1)
        return _weigh(alpha, beta, j, np.ones_like(j))
    if math.isinf(v):
        end = max(d, EXACT) * _NEGLIGIBLE ** (-1 / (2 * alpha))
        j, count = _join(*_integrate(EXACT + 0.5, end, alpha), _correct(EXACT, +1))
        return _close(_weigh(alpha, beta, j, count), alpha, beta, end)
    v = round(v)
    j, count = _join(*_integrate(EXACT + 0.5, v + 0.5, alpha), _correct(EXACT, +1), _correct(v, -1))
    return _weigh(alpha, beta, j, count)


def _weigh(alpha: float, beta: float, j: Array, count: Array) -> Spectrum:
    return Spectrum(j ** (-2 * alpha), count, count * j ** (-2 * (alpha + beta)))


def _join(j: Array, count: Array, *corrections: tuple[Array, Array]) -> tuple[Array, Array]:
    """Put the exact part in front of an integral and its corrections behind."""
    first = np.arange(1.0, EXACT + 1)
    indices = [first, j, *(where for where, _ in corrections)]
    counts = [np.ones_like(first), count, *(weight for _, weight in corrections)]
    return np.concatenate(indices), np.concatenate(counts)


def _integrate(start: float, end: float, alpha: float) -> tuple[Array, Array]:
    """Return nodes and weights of the integral over ``j``, even panels in ``log j``."""
    low, high = math.log(start), math.log(end)
    panels = math.ceil((high - low) / min(_WIDEST, 1 / (2 * alpha)))
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    nodes, weights = np.polynomial.legendre.leggauss(_PER_PANEL)
    j = np.exp(middles[:, None] + half * nodes).ravel()
    return j, np.tile(half * weights, panels) * j


def _correct(j: float, sign: int) -> tuple[Array, Array]:
    """Return the term ``sign h'(j + 1/2) / 24`` of Euler and Maclaurin, as a difference."""
    return np.array([j + 1.0, j]), sign * np.array([1.0, -1.0]) / 24


def _close(body: Spectrum, alpha: float, beta: float, end: float) -> Spectrum:
    """Add one node for the features beyond ``end``, where sums are linear in the eigenvalue."""
    both = 2 * (alpha + beta)
    return Spectrum(
        np.append(body.values, end ** (-2 * alpha)),
        np.append(body.count, end / (2 * alpha - 1)),
        np.append(body.energy, end ** (1 - both) / (both - 1)),
    )
