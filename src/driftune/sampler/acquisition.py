"""Where a process expects the most improvement over the best loss so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from optuna.distributions import CategoricalDistribution

from driftune.sampler.surrogate import fit_process, standardise
from driftune.sampler.unit_cube import move_to_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.distributions import BaseDistribution

    from driftune.sampler.surrogate import Process

    Array = np.ndarray[Any, np.dtype[np.float64]]

_N_RANDOM = 1024  # candidates in the whole space
_N_NEAR = 256  # candidates around each of the best points and of the best candidates
_N_CENTRES = 3
_FEWEST_PRICES = 4  # trials of known cost before it counts
_THRIFT = 0.5  # power of the cost: 1 is improvement per cost, 0 is improvement at any cost
_PRICE_PRIOR = 0.1  # of the slopes: as if a tenth of a trial across the whole range said zero
_WIDTHS = (0.02, 0.2)  # of a step near a centre, of a range: drawn evenly in the logarithm


class Evidence(NamedTuple):
    """What is known, in the coordinates of a search space (``unit_cube``).

    Args:
        points: Of the finished trials, shape (trials, parameters); beyond 0 and 1 where a trial
            lies outside the search space.
        losses: Shape (trials,), finite, lower is better.
        pending: Points that other workers are running, shape (any, parameters).
        space: The distribution of each coordinate.
        shares: Shape (parameters,): how much of the range that the trials came from the search
            space is. The process measures distances in that range, so that it does not learn
            anew when the search space is narrowed.
        costs: What the finished trials cost, shape (trials,), positive, in any unit; NaN where it
            is not known.
    """

    points: Array
    losses: Array
    pending: Array
    space: Sequence[BaseDistribution]
    shares: Array
    costs: Array


class Acquisition:
    """A process fitted to the evidence, and what it makes of points.

    The logarithm of the expected improvement (Mockus 1978; Jones, Schonlau and Welch 1998; the
    logarithm as in Ament et al. 2023), which still tells points apart where the improvement
    itself is 0 in floating point. Pending points count with the median loss, so that no two
    workers look at the same place.

    Args:
        evidence: What is known.
        by_rank: Which of two views of the losses the process is fitted to; see ``standardise``.
            Neither is the better one on all problems: a sampler takes them in turn.
    """

    def __init__(self, evidence: Evidence, *, by_rank: bool = False) -> None:
        self._evidence = evidence
        self._known = np.vstack([evidence.points, evidence.pending])
        targets = standardise(evidence.losses, by_rank=by_rank)
        self._best = float(targets.min())
        lies = np.full(len(evidence.pending), np.median(targets))
        self._process: Process = fit_process(
            self._encode(self._known), np.concatenate([targets, lies])
        )
        self._price = fit_price(self._encode(evidence.points), evidence.costs)

    def rate(self, points: Array) -> Array:
        """Return the logarithm of the expected improvement at ``points``, shape (n,)."""
        return expect_improvement(*self._process.predict(self._encode(points)), self._best)

    def find_best(self, rng: np.random.Generator) -> Array | None:
        """Return the best position found inside the search space, shape (parameters,).

        Over candidates from the whole space and around the best points, then around the best
        candidates. Best is the most expected improvement per cost (Snoek, Larochelle and Adams
        2012) where the costs of trials are known.

        Returns:
            A position that is neither in ``points`` nor in ``pending``; ``None`` if no candidate
            is.
        """
        points, losses, space = self._evidence.points, self._evidence.losses, self._evidence.space
        centres = np.clip(points[np.argsort(losses, kind="stable")[:_N_CENTRES]], 0.0, 1.0)
        spread = rng.random((_N_RANDOM, len(space)))
        candidates, rating = self._sort(np.vstack([spread, _move(centres, rng)]))
        if not len(candidates):
            return None
        closer, closer_rating = self._sort(_move(candidates[:_N_CENTRES], rng))
        chosen: Array = candidates[0]
        if len(closer) and closer_rating[0] > rating[0]:
            chosen = closer[0]
        return chosen

    def _sort(self, candidates: Array) -> tuple[Array, Array]:
        candidates = _drop_known(move_to_cell(candidates, self._evidence.space), self._known)
        if not len(candidates):
            return candidates, np.empty(0)
        features = self._encode(candidates)
        rating = expect_improvement(*self._process.predict(features), self._best)
        rating = rating - _THRIFT * (features @ self._price)
        order = np.argsort(-rating, kind="stable")
        return candidates[order], rating[order]

    def _encode(self, points: Array) -> Array:
        """Return features: numbers on the trials' range, categories as one column per choice."""
        columns = []
        for i, distribution in enumerate(self._evidence.space):
            if isinstance(distribution, CategoricalDistribution):
                n = len(distribution.choices)
                chosen = np.minimum((points[:, i] * n).astype(int), n - 1)
                columns.extend(np.eye(n)[chosen].T / np.sqrt(2))  # two choices are 1 apart
            else:
                columns.append(points[:, i] * self._evidence.shares[i])
        return np.column_stack(columns)


def fit_price(features: Array, costs: Array) -> Array:
    """Return how the logarithm of the cost changes with each feature, shape (features,).

    A ridge regression: the price of a trial is nearly a power of its parameters (half the learning
    rate, twice the rounds), and where few trials are known the prior says that all cost the same.

    Args:
        features: Of the finished trials, shape (trials, features).
        costs: See ``Evidence``.

    >>> fit_price(np.zeros((3, 2)), np.full(3, np.nan))
    array([0., 0.])
    """
    known = np.isfinite(costs)
    if known.sum() < _FEWEST_PRICES:
        return np.zeros(features.shape[1])
    ours = features[known] - features[known].mean(axis=0)
    logs = np.log(costs[known])
    kernel = ours.T @ ours + _PRICE_PRIOR * np.eye(ours.shape[1])
    slopes: Array = np.linalg.solve(kernel, ours.T @ (logs - logs.mean()))
    return slopes


def expect_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Return the log of how far below ``best`` a normal variable is expected to fall.

    >>> round(float(np.exp(expect_improvement(np.array([1.0]), np.array([1e-9]), 3.0))[0]), 12)
    2.0
    >>> far = expect_improvement(np.array([1e3, 2e3]), np.array([1.0, 1.0]), 0.0)
    >>> bool(far[1] < far[0] < -1e5)
    True
    """
    from scipy.special import erfcx, ndtr

    ratio = (best - mean) / deviation
    log_density = -0.5 * ratio**2 - 0.5 * np.log(2 * np.pi)
    near = np.maximum(ratio, -1.0)
    plainly = np.log(np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi) + near * ndtr(near))
    away = np.clip(-ratio, 1.0, 1e4)  # beyond, the difference below is all rounding
    in_tail = np.log1p(-away * np.sqrt(np.pi / 2) * erfcx(away / np.sqrt(2)))
    improvement: Array = np.log(deviation) + np.where(ratio > -1.0, plainly, log_density + in_tail)
    return improvement


def _move(centres: Array, rng: np.random.Generator) -> Array:
    """Return points around each centre that differ in about half of their coordinates."""
    points = np.repeat(centres, _N_NEAR, axis=0)
    widths = _WIDTHS[0] * (_WIDTHS[1] / _WIDTHS[0]) ** rng.random((len(points), 1))
    steps = rng.normal(size=points.shape) * widths
    # Categories and coarse grids need a jump at times: no small step leaves their cell.
    jumps = rng.random(points.shape) - points
    steps = np.where(rng.random(points.shape) < 0.1, jumps, steps)
    moved: Array = np.clip(points + steps * (rng.random(points.shape) < 0.5), 0.0, 1.0)
    return moved


def _drop_known(candidates: Array, known: Array) -> Array:
    distances = np.zeros((len(candidates), len(known)))
    for ours, theirs in zip(candidates.T, known.T, strict=True):
        np.maximum(distances, np.abs(ours[:, None] - theirs), out=distances)
    new: Array = candidates[distances.min(axis=1) > 1e-6]
    return new
