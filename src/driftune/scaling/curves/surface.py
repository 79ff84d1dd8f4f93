"""Surfaces ``E + A n^-a + B m^-b`` through many sets of losses, by variable projection.

Given the exponents, ``E``, ``A`` and ``B`` are non-negative least squares in three variables; the
search is over (a, b) alone. Fitting all five at once, or parabolas through slices, is biased or
stops early (Besiroglu et al. 2024, arXiv 2404.10102).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from driftune.scaling.curves.families import EXPONENTS, FloatArray
from driftune.scaling.curves.search import lay_grid, walk

_BOX = [(float(np.log(EXPONENTS[0])), float(np.log(EXPONENTS[1])))] * 2
_GRID = (40, 40)
_SUPPORTS = [list(kept) for size in (2, 1) for kept in combinations(range(3), size)]


@dataclass(frozen=True)
class Surface:
    """One surface per set of losses: ``terms`` three of (r,), ``exponents`` (r, 2)."""

    terms: tuple[FloatArray, FloatArray, FloatArray]
    exponents: FloatArray

    def values(self, rows: FloatArray, sizes: FloatArray) -> FloatArray:
        """Losses at the points (p,): shape (r, p)."""
        floor, by_rows, by_size = (term[:, None] for term in self.terms)
        a, b = self.exponents[:, :1], self.exponents[:, 1:]
        return np.asarray(floor + by_rows * rows**-a + by_size * sizes**-b)


def fit_surfaces(
    rows: FloatArray, sizes: FloatArray, losses: FloatArray, near: Surface | None = None
) -> Surface:
    """Fit a surface to each set of losses, by relative error.

    Args:
        rows: (p,), positive.
        sizes: (p,), positive.
        losses: (r, p), positive.
        near: One surface from which to walk, for losses that differ from its own by noise; without
            it the whole grid of exponents is searched.
    """
    n, m = rows / rows.max(), sizes / sizes.max()  # numbers near 1 keep the equations well behaved

    def solve(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        return solve_three(_columns(n, m, at) / losses[:, None, :, None])

    grid, step = lay_grid(_BOX, _GRID)
    if near is None:
        at = grid[solve(grid[None])[1].argmin(axis=1)]
    else:
        at = np.repeat(np.log(near.exponents), len(losses), axis=0)
    at = walk(lambda candidates: solve(candidates)[1], at, step, _BOX)
    terms, exponents = solve(at[:, None])[0][:, 0], np.exp(at)
    scales = np.array([rows.max(), sizes.max()]) ** exponents
    return Surface((terms[:, 0], terms[:, 1] * scales[:, 0], terms[:, 2] * scales[:, 1]), exponents)


def _columns(n: FloatArray, m: FloatArray, at: FloatArray) -> FloatArray:
    """Return ``1, n^-a, m^-b``: (..., p, 3) for log exponents (..., 2)."""
    exponents = np.exp(at)
    by_rows = np.exp(-exponents[..., :1] * np.log(n))
    by_size = np.exp(-exponents[..., 1:] * np.log(m))
    return np.stack([np.ones_like(by_rows), by_rows, by_size], axis=-1)


def solve_three(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Solve ``columns @ x ~ 1`` with ``x >= 0``, for columns (..., p, 3).

    Where the plain solution has a negative term, the best of the smaller models without one.

    Returns:
        ``x`` (..., 3), and the sum of squares (...).

    >>> columns = np.array([[1.0, 1.0, 4.0], [1.0, 2.0, 1.0], [1.0, 3.0, 1.0], [1.0, 4.0, 2.0]])
    >>> target = columns @ [2.0, 1.0, 0.0]
    >>> terms, error = solve_three(columns / target[:, None])
    >>> terms.round(6).tolist(), float(error.round(6))
    ([2.0, 1.0, 0.0], 0.0)
    """
    gram = np.swapaxes(columns, -1, -2) @ columns
    size = np.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    gram = gram + 1e-13 * size * np.eye(3)  # n^-0.01 is nearly the floor's column
    target = columns.sum(axis=-2)
    terms = np.linalg.solve(gram, target[..., None])[..., 0]
    negative = (terms < 0).any(axis=-1)
    if negative.any():
        terms[negative] = _solve_smaller(gram[negative], target[negative])
    misses = (columns @ terms[..., None])[..., 0] - 1
    return terms, (misses**2).sum(axis=-1)


def _solve_smaller(gram: FloatArray, target: FloatArray) -> FloatArray:
    """Return the best non-negative solution with a term left out: (s, 3)."""
    best, most = np.zeros_like(target), np.full(len(target), -np.inf)
    for kept in _SUPPORTS:
        square = gram[:, kept][:, :, kept]
        part = np.linalg.solve(square, target[:, kept, None])[..., 0]
        explained = (part * target[:, kept]).sum(axis=-1)  # what it takes off the sum of squares
        better = (part >= 0).all(axis=-1) & (explained > most)
        most = np.where(better, explained, most)
        filled = np.zeros_like(target)
        filled[:, kept] = part
        best = np.where(better[:, None], filled, best)
    return best
