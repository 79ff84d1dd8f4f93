"""Sums of decaying exponentials: what the loss of one-pass gradient descent is made of.

Both the forcing function (what is left of the initial error) and the kernel (how the noise of one
step is forgotten) are ``Re sum_k weight_k a_k^r``. For a fixed draw of the features the ``a_k`` are
real, one per eigenvalue; for the deterministic equivalent they are complex, one per contour node.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_BLOCK = 4096  # steps at a time, so that memory stays small


@dataclass(frozen=True)
class Modes:
    """The exponentials, all arrays of shape (k,), real or complex.

    Args:
        drop: ``1 - a_k``, kept instead of ``a_k`` because it may be far below the rounding of 1.
        forcing: Weights of the forcing function.
        kernel: Weights of the kernel.
        floor: What the forcing function tends to.
    """

    drop: NDArray[np.inexact]
    forcing: NDArray[np.inexact]
    kernel: NDArray[np.inexact]
    floor: float

    @property
    def log_decay(self) -> NDArray[np.inexact]:
        """``log a_k``; NumPy's complex ``log1p`` is not exact for small arguments, this is."""
        if not np.iscomplexobj(self.drop):
            real: NDArray[np.inexact] = np.log1p(-self.drop)
            return real
        size = np.abs(self.drop) ** 2 - 2 * self.drop.real
        angle = np.arctan2(-self.drop.imag, 1 - self.drop.real)
        found: NDArray[np.inexact] = 0.5 * np.log1p(size) + 1j * angle
        return found

    @property
    def kernel_norm(self) -> float:
        """Sum of the kernel over all steps, infinite where a mode does not decay."""
        if np.any(self.drop.real <= 0):
            return math.inf
        return float(np.sum(self.kernel / self.drop).real)

    def forcing_at(self, r: ArrayLike) -> NDArray[np.float64]:
        """Return the expected loss after ``r`` steps without the noise of the steps."""
        return self.floor + self._sum(self.forcing, r)

    def kernel_at(self, r: ArrayLike) -> NDArray[np.float64]:
        """Return the share of a step's loss that its noise adds to the loss ``r + 1`` steps on."""
        return self._sum(self.kernel, r)

    def _sum(self, weights: NDArray[np.inexact], r: ArrayLike) -> NDArray[np.float64]:
        steps = np.asarray(r, dtype=float)
        flat, log_decay = steps.ravel(), self.log_decay
        parts = [
            (np.exp(flat[i : i + _BLOCK, None] * log_decay) @ weights).real
            for i in range(0, len(flat), _BLOCK)
        ]
        found: NDArray[np.float64] = np.concatenate(parts).reshape(steps.shape)
        return found
