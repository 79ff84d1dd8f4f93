"""One draw of the random features: its exact expected loss, and the algorithm itself.

Everything happens in the eigenbasis of ``W'DW``, where given ``W`` and Gaussian data the features
are independent and the rest of the target is independent noise. A step of gradient descent then
costs ``d B``, not ``v d``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import UsageError
from driftune.scaling.plrf.modes import Modes
from driftune.scaling.plrf.volterra import march

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.scaling.plrf.volterra import LossCurve

    Array = NDArray[np.float64]

MOST_WEIGHTS = 50_000_000  # 400 MB, and a few minutes for its eigenvalues


@dataclass(frozen=True)
class FiniteWidth:
    """A model with fixed random features, trained by one-pass gradient descent from zero.

    Args:
        eigenvalues: Of ``W'DW``, shape (d,).
        optimum: Best weights in the eigenbasis, shape (d,).
        residual: Loss of the best weights.
        lr: Learning rate; the gradient is summed over the batch.
        batch: Rows per step.
    """

    eigenvalues: Array
    optimum: Array
    residual: float
    lr: float
    batch: int

    @property
    def modes(self) -> Modes:
        """Forcing function and kernel: one exponential per eigenvalue.

        ``a = 1 - 2 lr B lam + lr^2 B (B + 1) lam^2``, with weights ``lam theta*^2`` and
        ``lr^2 B lam^2``: exact for Gaussian data.
        """
        lam, lr, batch = self.eigenvalues, self.lr, self.batch
        drop = lr * batch * lam * (2 - lr * (batch + 1) * lam)
        return Modes(drop, lam * self.optimum**2, lr**2 * batch * lam**2, self.residual)

    @property
    def kernel_norm(self) -> float:
        """``sum_k lr lam / (2 - lr (B + 1) lam)``; from 1 on, the loss diverges."""
        return self.modes.kernel_norm

    def loss_curve(self, horizon: float, growth: float = 1.02) -> LossCurve:
        """Return the expectation of the loss over the data, given these features.

        Args:
            horizon: Last step.
            growth: See :func:`~driftune.scaling.plrf.volterra.march`; 1 is exact.
        """
        return march(self.modes, horizon, growth)

    def simulate_sgd(self, horizon: int, n_runs: int = 1, seed: int = 0) -> Array:
        """Run the algorithm on fresh rows at every step.

        Args:
            horizon: Number of steps.
            n_runs: Independent streams of rows, all with the same features.
            seed: Of the rows.

        Returns:
            Losses, shape (n_runs, horizon + 1), the first column before the first step.
        """
        rng = np.random.default_rng(seed)
        scale, deviation = np.sqrt(self.eigenvalues), np.sqrt(self.residual)
        error = np.tile(-self.optimum, (n_runs, 1))
        losses = np.empty((n_runs, horizon + 1))
        losses[:, 0] = np.einsum("nd,nd,d->n", error, error, self.eigenvalues)
        for r in range(1, horizon + 1):
            rows = rng.standard_normal((n_runs, self.batch, len(scale))) * scale
            noise = deviation * rng.standard_normal((n_runs, self.batch))
            miss = np.einsum("nbd,nd->nb", rows, error) - noise
            error -= self.lr * np.einsum("nb,nbd->nd", miss, rows)
            losses[:, r] = np.einsum("nd,nd,d->n", error, error, self.eigenvalues)
        return losses + self.residual


def draw_features(
    alpha: float, beta: float, d: float, v: float, lr: float, batch: int, seed: int
) -> FiniteWidth:
    """Draw ``W`` with entries N(0, 1/d) and diagonalise ``W'DW``.

    Args:
        alpha: Fall of the spectrum.
        beta: Fall of the target.
        d: Width, a whole number.
        v: Number of features, finite.
        lr: Learning rate.
        batch: Rows per step.
        seed: Of ``W``.

    Raises:
        UsageError: ``d`` is not a whole number, or ``W`` has too many entries.
    """
    if d != int(d):
        raise UsageError(f"d is {d:g}; features can be drawn for a whole number only.")
    if v * d > MOST_WEIGHTS:
        raise UsageError(
            f"d * v is {v * d:.3g}; features can be drawn up to {MOST_WEIGHTS:,} weights only, "
            "loss_curve() of the model itself has no such limit."
        )
    j = np.arange(1.0, round(v) + 1)
    weights = np.random.default_rng(seed).standard_normal((len(j), int(d))) / np.sqrt(d)
    target = j ** -(alpha + beta)
    left, singular, _ = np.linalg.svd(j[:, None] ** -alpha * weights, full_matrices=False)
    learned = left.T @ target
    return FiniteWidth(
        singular**2, learned / singular, float(np.sum((target - left @ learned) ** 2)), lr, batch
    )
