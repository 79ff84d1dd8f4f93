"""A Gaussian process over trials: what loss to expect at a point, and how sure that is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    Array = np.ndarray[Any, np.dtype[np.float64]]

_SCALE = 0.0, 2.0  # prior of the signal's variance: mean and deviation of its logarithm
_LENGTH = np.log(0.5), 1.0  # prior of a length scale
_NOISE = np.log(1e-6), 1.0  # prior of the noise's variance, of standardised losses
_BOUNDS = (0.1, 10.0), (0.02, 20.0), (1e-6, 0.5)  # of scale, lengths and noise
_MOST_STEPS = 40  # of the likelihood's maximiser


@dataclass(frozen=True)
class Process:
    """A fitted process with a Matérn 5/2 kernel and one length scale per feature.

    Args:
        features: Of the trials, shape (trials, features).
        lengths: Shape (features,).
        scale: Variance of the signal.
        factor: Lower Cholesky factor of the trials' covariance, shape (trials, trials).
        weights: The inverse of that covariance times the targets, shape (trials,).
    """

    features: Array
    lengths: Array
    scale: float
    factor: Array
    weights: Array

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Return mean and deviation of the noiseless loss, each of shape (n,).

        Args:
            features: Shape (n, features).
        """
        from scipy.linalg import solve_triangular

        ours, theirs = features / self.lengths, self.features / self.lengths
        squares = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1)
        squares = np.maximum(squares - 2 * ours @ theirs.T, 0.0)
        across = self.scale * _correlate(squares)
        explained = solve_triangular(self.factor, across.T, lower=True, check_finite=False)
        variance = self.scale - (explained**2).sum(axis=0)
        return across @ self.weights, np.sqrt(np.maximum(variance, 1e-12))


def fit_process(features: Array, targets: Array) -> Process:
    """Fit by the largest posterior density.

    Length scales and noise have log-normal priors: with ten trials the likelihood alone would
    call half of the parameters irrelevant.

    Args:
        features: Shape (trials, features), about 0 to 1.
        targets: Shape (trials,), standardised.
    """
    from scipy.linalg import cho_solve
    from scipy.optimize import minimize

    squares = (features.T[:, :, None] - features.T[:, None, :]) ** 2
    count = len(squares)
    centre = np.r_[_SCALE[0], np.full(count, _LENGTH[0]), _NOISE[0]]
    width = np.r_[_SCALE[1], np.full(count, _LENGTH[1]), _NOISE[1]]

    def posterior(theta: Array) -> tuple[float, Array]:
        value, gradient = _judge(theta, squares, targets)
        away = (theta - centre) / width
        return value + 0.5 * float(away @ away), gradient + away / width

    found = minimize(
        posterior, centre, jac=True, method="L-BFGS-B",
        bounds=np.log([_BOUNDS[0], *[_BOUNDS[1]] * count, _BOUNDS[2]]),
        options={"maxiter": _MOST_STEPS},
    )  # fmt: skip
    scale, lengths, noise = np.exp(found.x[0]), np.exp(found.x[1:-1]), np.exp(found.x[-1])
    factor, _ = _factorise(scale * _correlate(_sum_over(squares, lengths)), noise)
    weights = cho_solve((factor, True), targets, check_finite=False)
    return Process(features, lengths, float(scale), factor, weights)


def one_thread() -> AbstractContextManager[Any]:
    """Keep BLAS from sharing small matrices out over threads, which takes it ten times as long.

    Nothing happens where threadpoolctl, which comes with scikit-learn, is not installed.
    """
    controller = _find_blas()
    if controller is None:
        return nullcontext()
    limits: AbstractContextManager[Any] = controller.limit(limits=1, user_api="blas")
    return limits


@cache
def _find_blas() -> Any:
    """The controller of the libraries that are loaded; to look for them takes 10 ms."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return None
    import scipy.linalg  # noqa: F401 - its BLAS must be loaded to be found

    return ThreadpoolController()


def standardise(losses: Array, *, by_rank: bool) -> Array:
    """Return targets for the process, mean 0 and deviation 1, in the order of ``losses``.

    Args:
        losses: Shape (trials,), finite.
        by_rank: Take normal scores of the ranks, which tell the best apart where the losses of all
            good trials are nearly the same. Else keep distances and fold the bad tail, for how bad
            is bad does not matter.
    """
    if by_rank:
        return _scale(_score_ranks(losses))
    middle = np.median(losses)
    spread = middle - losses.min()
    if spread > 0:
        over = np.maximum(losses - middle, 0.0) / spread
        losses = np.where(losses > middle, middle + spread * np.log1p(over), losses)
    return _scale(losses)


def _score_ranks(losses: Array) -> Array:
    """Return what normal variables of these ranks would be; the same for the same losses."""
    from scipy.special import ndtri

    line = np.sort(losses)
    twice = np.searchsorted(line, losses, "left") + np.searchsorted(line, losses, "right")
    scores: Array = ndtri(0.5 * twice / len(losses))
    return scores


def _judge(theta: Array, squares: Array, targets: Array) -> tuple[float, Array]:
    """Return the negative log-likelihood and its gradient by (scale, lengths, noise) logarithms.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", equations 5.8 and 5.9.
    """
    from scipy.linalg import cho_solve

    scale, lengths, noise = np.exp(theta[0]), np.exp(theta[1:-1]), np.exp(theta[-1])
    root = np.sqrt(5.0 * _sum_over(squares, lengths))
    decay = scale * np.exp(-root)
    signal = (1.0 + root + root**2 / 3.0) * decay
    factor, inverse = _factorise(signal, noise)
    weights = cho_solve((factor, True), targets, check_finite=False)
    value = 0.5 * float(targets @ weights) + float(np.log(np.diag(factor)).sum())
    slope = 0.5 * (inverse - np.outer(weights, weights))
    by_length = np.tensordot(squares, slope * decay * (1.0 + root) * 5.0 / 3.0) / lengths**2
    gradient = np.r_[(slope * signal).sum(), by_length, noise * np.trace(slope)]
    return value, gradient


def _factorise(signal: Array, noise: float) -> tuple[Array, Array]:
    """Return the lower Cholesky factor and the inverse of the signal's covariance plus noise."""
    from scipy.linalg.lapack import dpotrf, dpotri

    covariance = signal + (noise + 1e-9) * np.eye(len(signal))
    factor, _ = dpotrf(covariance, lower=1, clean=1)
    triangle, _ = dpotri(factor, lower=1)
    inverse = np.tril(triangle) + np.tril(triangle, -1).T
    return factor, inverse


def _scale(values: Array) -> Array:
    deviation = values.std()
    scaled: Array = (values - values.mean()) / (deviation if deviation > 0 else 1.0)
    return scaled


def _sum_over(squares: Array, lengths: Array) -> Array:
    summed: Array = np.tensordot(lengths**-2.0, squares, axes=1)
    return summed


def _correlate(squares: Array) -> Array:
    """Matérn 5/2 of squared scaled distances."""
    root = np.sqrt(5.0 * squares)
    correlation: Array = (1.0 + root + root**2 / 3.0) * np.exp(-root)
    return correlation
