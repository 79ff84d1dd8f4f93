"""The terms of the loss with their constants: which power law takes over when.

In the window ``1 << 2 lr B r << d^(2 alpha)`` the loss is about
``F_pp + F_ac + F_0 + K_pp / (lr B)``: the error along the features that the model is still to
learn, that of features that interfere, what the width cannot hold, and the noise of the gradients.
Above alpha = 1/2 the constants are within a few per cent at d = 1e5, below they converge slowly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Terms:
    """The four terms at some step counts, arrays of one shape; zero where a term never dominates.

    Args:
        f_pp: Initial error along the features not yet learned.
        f_ac: Initial error of interfering features; for ``2 alpha > 1`` and ``2 beta > 1`` only.
        f_0: What the width cannot hold.
        k_pp: Kernel of the gradients' noise; its part of the loss is ``k_pp / (lr B)``. For
            ``alpha > 1/4`` only.
    """

    f_pp: Array
    f_ac: Array
    f_0: Array
    k_pp: Array


def find_kappa(alpha: float, ratio: float) -> float:
    """Solve ``int_0^ratio kappa / (kappa + u^(2 alpha)) du = 1``: ``tau0`` tends to ``kappa d^2a``.

    Args:
        alpha: Positive.
        ratio: Features per dimension of the model, ``v / d``, above 1.

    >>> round(find_kappa(1.0, 4.0), 4), round(find_kappa(1.0, math.inf), 4)
    (0.5152, 0.4053)
    """
    from scipy.optimize import brentq

    power = 2 * alpha
    if math.isinf(ratio):
        return float((power * math.sin(math.pi / power) / math.pi) ** power)

    def excess(log_kappa: float) -> float:
        kappa = math.exp(log_kappa)
        return kappa * _hold(power, 0.0, ratio, kappa) - 1

    low, high = -1.0, 1.0
    while excess(low) > 0:
        low -= 2
    while excess(high) < 0:
        high += 2
    return math.exp(brentq(excess, low, high, xtol=1e-14))


def find_terms(
    alpha: float, beta: float, d: float, v: float, lr: float, batch: int, r: ArrayLike
) -> Terms:
    """Compute the terms after ``r`` steps.

    Args:
        alpha: Fall of the spectrum.
        beta: Fall of the target, with ``alpha + beta > 1/2`` and not exactly 1/2, where the powers
            carry a logarithm.
        d: Width.
        v: Number of features.
        lr: Learning rate.
        batch: Rows per step.
        r: Steps, positive.
    """
    from scipy.special import gamma, zeta

    time = 2 * lr * batch * np.asarray(r, dtype=float)
    inverse = 1 / (2 * alpha)
    pp = 1 + (2 * beta - 1) * inverse
    ac, noise = 0.0, 0.0
    if alpha > 0.5 and beta > 0.5:
        ac = zeta(2 * beta) * gamma(1 - inverse) * inverse / d
    if alpha > 0.25:
        noise = lr**2 * batch * gamma(2 - inverse) * inverse
    return Terms(
        f_pp=gamma(pp) * inverse * time**-pp,
        f_ac=ac * time ** (inverse - 1),
        f_0=np.full_like(time, _capacity(alpha, beta, d, v)),
        k_pp=noise * time ** (inverse - 2),
    )


def _capacity(alpha: float, beta: float, d: float, v: float) -> float:
    """Return the limit of the capacity floor for wide models."""
    from scipy.special import zeta

    kappa = find_kappa(alpha, v / d)
    if beta > 0.5:
        return float(zeta(2 * beta)) / kappa * float(d ** (-2 * alpha))
    return _hold(2 * alpha, 2 * beta, v / d, kappa) * float(d ** (1 - 2 * alpha - 2 * beta))


def _hold(power: float, fall: float, ratio: float, kappa: float) -> float:
    """Return ``int_0^ratio u^-fall / (kappa + u^power) du`` for ``fall < 1``."""
    from scipy.special import hyp2f1

    share = (1 - fall) / power
    if math.isinf(ratio):
        return float(kappa ** (share - 1)) * math.pi / power / math.sin(math.pi * share)
    below = float(hyp2f1(1, share, 1 + share, -(ratio**power) / kappa))
    return float(ratio ** (1 - fall)) / ((1 - fall) * kappa) * below
