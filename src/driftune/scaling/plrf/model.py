"""The power-law random features model under one-pass gradient descent."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import UnstableLearningRate, UsageError
from driftune.scaling.plrf.asymptotics import Terms, find_terms
from driftune.scaling.plrf.contour import HALF_ANGLE, find_modes
from driftune.scaling.plrf.finite_width import FiniteWidth, draw_features
from driftune.scaling.plrf.phases import Exponents, Phase, exponents_of, phase_of
from driftune.scaling.plrf.resolvent import Resolvent
from driftune.scaling.plrf.spectrum import Spectrum, power_law
from driftune.scaling.plrf.stability import default_learning_rate, kernel_norm
from driftune.scaling.plrf.volterra import march

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from driftune.scaling.plrf.modes import Modes
    from driftune.scaling.plrf.volterra import LossCurve

    Array = NDArray[np.float64]

FEATURES_PER_DIMENSION = 4


class PLRF:
    """A linear model on random features of power-law data, at any width.

    Rows are ``x_j = j^-alpha z_j`` with standard normal ``z``, the target is ``sum_j x_j j^-beta``.
    The model is linear in ``W'x``, ``W`` random of shape (v, d), and learns by gradient descent on
    rows that it sees once. Losses are expectations over rows and features for a wide model (the
    deterministic equivalent), at a cost that does not grow with ``d``: see
    "4+3 Phases of Compute-Optimal Neural Scaling Laws", arXiv 2405.15074.

    >>> model = PLRF(1.0, 0.7, d=400)
    >>> model.phase(), round(model.exponents().eta, 3)
    ('II', 0.706)
    >>> curve = model.loss_curve(10_000)
    >>> [f"{loss:.3g}" for loss in curve.at([10, 100, 1000, 10_000])]
    ['0.112', '0.00724', '0.000733', '0.000159']
    >>> f"{model.limit_loss():.3g}"
    '4.56e-05'

    Args:
        alpha: How fast the spectrum of the data falls, positive.
        beta: How fast the target falls, positive.
        d: Width of the model, at least 1; any size, and need not be whole.
        v: Number of features, above ``d``, rounded; infinite only if ``2 alpha > 1``. By default
            4 per dimension.
        batch: Rows per step; the gradient is their sum.
        lr: Learning rate; by default ``min(1 / (2 (batch + 1)), 1 / trace)``, which is stable, or
            less where single eigenvalues exceed 2.
        allow_unstable: Whether a learning rate that diverges is accepted, to see it diverge.

    Raises:
        UsageError: An argument is outside its range.
        UnstableLearningRate: The loss grows without bound at this learning rate.
    """

    def __init__(
        self,
        alpha: float,
        beta: float,
        d: float,
        *,
        v: float | None = None,
        batch: int = 1,
        lr: float | None = None,
        allow_unstable: bool = False,
    ) -> None:
        _check_positive(alpha=alpha, beta=beta, d=d, lr=1.0 if lr is None else lr)
        v = FEATURES_PER_DIMENSION * d if v is None else v
        _check_sizes(alpha, d, v, batch)
        self.alpha, self.beta, self.d = float(alpha), float(beta), float(d)
        self.v = v if math.isinf(v) else float(round(v))
        self.batch = int(batch)
        default = default_learning_rate(self._resolvent, batch)
        self.lr = default if lr is None else float(lr)
        norm = self.kernel_norm()
        if norm >= 1 and not allow_unstable:
            raise UnstableLearningRate(
                f"lr is {self.lr:g}, and the loss diverges: its kernel norm is {norm:.3g}, it must "
                f"be below 1. The default would be {default:.3g}.",
                kernel_norm=norm,
            )

    def phase(self) -> Phase:
        """Return which terms of the loss can dominate; ``none`` if there is no power law."""
        return phase_of(self.alpha, self.beta)

    def exponents(self) -> Exponents:
        """Return ``xi`` and ``eta`` of the compute-optimal frontier in theory."""
        return exponents_of(self.alpha, self.beta)

    def trace(self) -> float:
        """Return the variance of a row, the sum of the spectrum."""
        return self._spectrum.trace

    def stable(self, lr: float) -> bool:
        """Return whether gradient descent with this learning rate converges."""
        return kernel_norm(self._resolvent, lr, self.batch) < 1

    def kernel_norm(self) -> float:
        """Return how much of a step's loss comes back as noise in all later steps together."""
        return kernel_norm(self._resolvent, self.lr, self.batch)

    def tau0(self) -> float:
        """Return the resolution of the model: it learns features of ``tau0 lam_j >> 1``."""
        return self._resolvent.tau0

    def edges(self) -> tuple[float, float]:
        """Return the smallest and the largest eigenvalue of a wide model's features."""
        return self._resolvent.lower_edge, self._resolvent.upper_edge

    def capacity_floor(self) -> float:
        """Return the loss of the best weights, ``F_0``."""
        return self._resolvent.floor

    def limit_loss(self) -> float:
        """Return the loss after infinitely many steps, ``F_0 / (1 - kernel norm)``."""
        norm = self.kernel_norm()
        return self.capacity_floor() / (1 - norm) if norm < 1 else math.inf

    def forcing(self, r: ArrayLike) -> Array:
        """Return the loss after ``r`` steps without their noise, in the shape of ``r``."""
        return self.modes.forcing_at(r)

    def kernel(self, r: ArrayLike) -> Array:
        """Return how much of a step's loss is back as noise ``r + 1`` steps on."""
        return self.modes.kernel_at(r)

    def loss_curve(self, horizon: float, growth: float = 1.02) -> LossCurve:
        """Return the expected loss up to a number of steps.

        Args:
            horizon: Last step, a whole number from 1; 1e18 takes half a second.
            growth: Ratio of successive step counts, from 1; with 1 every step is computed.

        Raises:
            UsageError: An argument is outside its range.
        """
        if not (math.isfinite(horizon) and horizon >= 1 and horizon == math.floor(horizon)):
            raise UsageError(f"horizon is {horizon:g}; it must be a whole number from 1.")
        if not 1 <= growth <= 2:
            raise UsageError(f"growth is {growth:g}; it must be between 1 and 2.")
        return march(self.modes, horizon, growth)

    def sample(self, seed: int = 0) -> FiniteWidth:
        """Draw one set of random features.

        Raises:
            UsageError: ``d`` is not whole, or the features do not fit into memory.
        """
        return draw_features(self.alpha, self.beta, self.d, self.v, self.lr, self.batch, seed)

    def asymptotic_terms(self, r: ArrayLike) -> Terms:
        """Return the power laws that the loss consists of after ``r`` steps, with constants.

        Raises:
            UsageError: There is no power law, ``beta`` is 1/2, where it carries a logarithm, or
                ``r`` is not positive.
        """
        if self.phase() == "none":
            raise UsageError(
                f"alpha + beta is {self.alpha + self.beta:g}; there is a power law above 0.5 only."
            )
        if np.any(np.asarray(r, dtype=float) <= 0):
            raise UsageError("r must be positive: the power laws are infinite after no step.")
        if self.beta == 0.5:
            raise UsageError("beta is 0.5, where the power laws carry a logarithm; move it a bit.")
        return find_terms(self.alpha, self.beta, self.d, self.v, self.lr, self.batch, r)

    @cached_property
    def modes(self) -> Modes:
        """Forcing function and kernel as sums of exponentials; takes milliseconds, once."""
        return self.modes_at(HALF_ANGLE)

    def modes_at(self, half_angle: float) -> Modes:
        """Compute the modes with another contour, to see that it makes no difference.

        Args:
            half_angle: In radians, 0.2 to 0.9.

        Raises:
            UsageError: A mode does not decay, so that its powers have no contour.
        """
        if math.isinf(self.kernel_norm()):
            raise UsageError(f"lr is {self.lr:g}, so large that single modes of the loss explode.")
        return find_modes(self._resolvent, self.lr, self.batch, half_angle=half_angle)

    @cached_property
    def _spectrum(self) -> Spectrum:
        return power_law(self.alpha, self.beta, self.d, self.v)

    @cached_property
    def _resolvent(self) -> Resolvent:
        return Resolvent(self._spectrum, self.d)


def _check_positive(**given: float) -> None:
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{name} is {value:g}; it must be a positive number.")


def _check_sizes(alpha: float, d: float, v: float, batch: int) -> None:
    if d < 1:
        raise UsageError(f"d is {d:g}; it must be a number from 1.")
    if not v > d or (math.isfinite(v) and round(v) <= d):
        raise UsageError(f"v is {v:g}; rounded, it must be above d, which is {d:g}.")
    if math.isinf(v) and alpha <= 0.5:
        raise UsageError(f"v is infinite; that takes alpha above 0.5, which is {alpha:g}.")
    if batch != int(batch) or batch < 1:
        raise UsageError(f"batch is {batch}; it must be a whole number from 1.")
