"""A Gaussian process over the unit cube, and the point where it expects the most improvement."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optuna.distributions import BaseDistribution

    Array = np.ndarray[Any, np.dtype[np.float64]]

_N_RANDOM = 1024  # candidates in the whole space
_N_NEAR = 256  # candidates around each of the best points and of the best candidates
_N_CENTRES = 3
_WIDTHS = (0.02, 0.2)  # of a step near a centre, of a range: drawn evenly in the logarithm
_LENGTH = np.log(0.5), 1.0  # prior of a length scale: mean and deviation of its logarithm
_NOISE = np.log(1e-4), 2.0  # prior of the noise's variance, of standardised losses
_MOST_STEPS = 40  # of the likelihood's maximiser


def find_best_expected(
    points: Array,
    losses: Array,
    pending: Array,
    space: Sequence[BaseDistribution],
    rng: np.random.Generator,
) -> Array | None:
    """Return the position, shape (parameters,), with the highest expected improvement.

    Expected improvement (Mockus 1978; Jones, Schonlau and Welch 1998) over candidates from the
    whole space and around the best points, then around the best candidates.

    Args:
        points: Of the finished trials, shape (trials, parameters), each coordinate from 0 to 1 on
            its parameter's own scale; see ``unit_cube``.
        losses: Shape (trials,), finite, lower is better.
        pending: Points that other workers are running, shape (any, parameters). They count with
            the median loss, so that no two workers look at the same place.
        space: The distribution of each coordinate.
        rng: Where the candidates come from.

    Returns:
        A position that is neither in ``points`` nor in ``pending``; ``None`` if no candidate is.
    """
    known = np.vstack([points, pending])
    targets = _standardise(losses)
    mean_and_deviation = fit_process(
        _encode(known, space), np.concatenate([targets, np.full(len(pending), np.median(targets))])
    )
    best = float(targets.min())

    def rate(candidates: Array) -> tuple[Array, Array]:
        candidates = _drop_known(_snap(candidates, space), known)
        if not len(candidates):
            return candidates, np.empty(0)
        rating = expect_improvement(*mean_and_deviation(_encode(candidates, space)), best)
        order = np.argsort(-rating, kind="stable")
        return candidates[order], rating[order]

    centres = points[np.argsort(losses, kind="stable")[:_N_CENTRES]]
    first = np.vstack([rng.random((_N_RANDOM, len(space))), _move(centres, rng)])
    candidates, rating = rate(first)
    if not len(candidates):
        return None
    closer, closer_rating = rate(_move(candidates[:_N_CENTRES], rng))
    chosen: Array = candidates[0]
    if len(closer) and closer_rating[0] > rating[0]:
        chosen = closer[0]
    return chosen


def fit_process(features: Array, targets: Array) -> Callable[[Array], tuple[Array, Array]]:
    """Fit a process with a Matérn 5/2 kernel and one length scale per feature.

    Length scales and noise have log-normal priors: with ten trials the likelihood alone would
    call half of the parameters irrelevant.

    Args:
        features: Shape (trials, features), from 0 to 1.
        targets: Shape (trials,), standardised.

    Returns:
        What gives mean and standard deviation, each of shape (n,), at features of shape
        (n, features).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels
    from threadpoolctl import threadpool_limits

    matern = kernels.Matern(np.full(features.shape[1], 0.5), (0.02, 20.0), nu=2.5)
    kernel = kernels.ConstantKernel(1.0, (0.1, 10.0)) * matern
    kernel += kernels.WhiteKernel(1e-3, (1e-6, 0.5))
    process = GaussianProcessRegressor(kernel, optimizer=_maximise)
    # Many small matrices: BLAS threads cost three times what they save on a busy machine.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # A length scale at its bound says that the parameter does not matter: no news here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(features, targets)
    # The kernel's diagonal contains the noise, which is no chance of improvement.
    noise = process.kernel_.k2.noise_level

    def predict(at: Array) -> tuple[Array, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # tiny negative variances, set to 0
            mean, deviation = process.predict(at, return_std=True)
        return mean, np.sqrt(np.maximum(deviation**2 - noise, 1e-12))

    return predict


def expect_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Return how far below ``best`` a normal variable is expected to fall, not counting rises.

    >>> float(expect_improvement(np.array([1.0]), np.array([1e-9]), 3.0)[0])
    2.0
    """
    from scipy.special import ndtr

    gap = best - mean
    ratio = gap / deviation
    density = np.exp(-0.5 * ratio**2) / np.sqrt(2 * np.pi)
    improvement: Array = gap * ndtr(ratio) + deviation * density
    return improvement


def _maximise(negative: Callable[..., Any], start: Array, bounds: Array) -> tuple[Array, float]:
    """Minimise the negative log-likelihood plus the priors; theta is (scale, lengths, noise)."""
    from scipy.optimize import minimize

    centre = np.r_[0.0, np.full(len(start) - 2, _LENGTH[0]), _NOISE[0]]
    width = np.r_[2.0, np.full(len(start) - 2, _LENGTH[1]), _NOISE[1]]

    def posterior(theta: Array) -> tuple[float, Array]:
        value, gradient = negative(theta, eval_gradient=True)
        away = (theta - centre) / width
        return value + 0.5 * float(away @ away), gradient + away / width

    found = minimize(
        posterior, start, jac=True, bounds=bounds, method="L-BFGS-B",
        options={"maxiter": _MOST_STEPS},
    )  # fmt: skip
    return found.x, float(found.fun)


def _standardise(losses: Array) -> Array:
    """Centre and scale the losses; the bad tail is folded, for how bad is bad does not matter."""
    middle = np.median(losses)
    spread = middle - losses.min()
    if spread > 0:
        over = np.maximum(losses - middle, 0.0) / spread
        losses = np.where(losses > middle, middle + spread * np.log1p(over), losses)
    deviation = losses.std()
    standard: Array = (losses - losses.mean()) / (deviation if deviation > 0 else 1.0)
    return standard


def _encode(points: Array, space: Sequence[BaseDistribution]) -> Array:
    """Return features: numbers as they are, categories as one column per choice."""
    columns = []
    for position, distribution in zip(points.T, space, strict=True):
        if isinstance(distribution, CategoricalDistribution):
            n = len(distribution.choices)
            chosen = np.minimum((position * n).astype(int), n - 1)
            columns.extend(np.eye(n)[chosen].T / np.sqrt(2))  # two choices are 1 apart
        else:
            columns.append(position)
    return np.column_stack(columns)


def _snap(points: Array, space: Sequence[BaseDistribution]) -> Array:
    """Move every coordinate to the middle of its cell, as ``to_unit`` places values."""
    snapped = points.copy()
    for column, distribution in zip(snapped.T, space, strict=True):
        column[:] = _snap_column(column, distribution)
    return snapped


def _snap_column(column: Array, distribution: BaseDistribution) -> Array:
    if isinstance(distribution, CategoricalDistribution):
        return _to_middle(column, len(distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if distribution.step is None:
        return column
    if distribution.log:
        low, high = np.log(distribution.low - 0.5), np.log(distribution.high + 0.5)
        values = np.rint(np.exp(low + column * (high - low)))
        values = np.clip(values, distribution.low, distribution.high)
        middle: Array = (np.log(values) - low) / (high - low)
        return middle
    steps = (distribution.high - distribution.low) / distribution.step
    return _to_middle(column, int(np.floor(steps + 1e-8)) + 1)


def _to_middle(column: Array, cells: int) -> Array:
    middle: Array = (np.minimum(np.floor(column * cells), cells - 1) + 0.5) / cells
    return middle


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
