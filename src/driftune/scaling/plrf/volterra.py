"""The expected loss, from the Volterra equation that forcing function and kernel make.

``P(r) = F(r) + sum_{s<r} K(r-1-s) P(s)``: what is left of the initial error, and the noise of every
step so far (Paquette et al. 2021, arXiv 2102.04396). With sums of exponentials the history is one
number per mode. Steps of the march grow with r: within one, the loss counts as linear, and the
geometric sums over its steps are in closed form. While a step is one step, nothing is approximated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.scaling.plrf.modes import Modes

    Array = NDArray[np.float64]

_BLOCK = 128  # steps of the march that are prepared at a time
_SMALL = 0.03  # of n (1 - a), below which the closed form cancels and a series takes over
_TERMS = 6


@dataclass(frozen=True)
class LossCurve:
    """Expected loss against steps.

    Args:
        steps: Shape (n,), from 0, whole numbers.
        loss: Shape (n,), mean squared error without a factor of one half.
    """

    steps: Array
    loss: Array

    def at(self, r: Array | float) -> Array:
        """Interpolate between the steps, ``log P`` over ``log (1 + r)``; NaN beyond the last."""
        wanted = np.asarray(r, dtype=float)
        grid = np.log1p(self.steps)
        logs = np.interp(np.log1p(wanted), grid, np.log(self.loss), right=np.nan)
        found: Array = np.exp(logs)
        return found


def space_steps(horizon: float, growth: float) -> Array:
    """Return 0, 1, 2, ... up to ``horizon``, later in steps of ``growth - 1`` times the step count.

    >>> space_steps(7, 1.5).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0]
    """
    steps, r = [0.0], 0.0
    while r < horizon:
        r = min(horizon, r + max(1.0, math.floor((growth - 1) * r)))
        steps.append(r)
    return np.array(steps)


def march(modes: Modes, horizon: float, growth: float = 1.02) -> LossCurve:
    """Solve the Volterra equation up to a number of steps.

    Args:
        modes: Forcing function and kernel.
        horizon: Last step, a whole number.
        growth: Of the step counts that are solved for; 1 takes every step, which is exact, and
            1.02 is within 1e-4 of it. A loss that diverges is no line over many steps: where the
            kernel's norm is 1 or more, every step is taken. Beyond floating point it is infinite.
    """
    steps = space_steps(horizon, 1.0 if modes.kernel_norm >= 1 else growth)
    state = modes.forcing.copy()
    losses = [modes.floor + float(state.real.sum())]
    widths = np.diff(steps)
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(0, len(widths), _BLOCK):
            state = _march_block(modes, widths[i : i + _BLOCK], state, losses)
    return LossCurve(steps, np.nan_to_num(losses, nan=math.inf, posinf=math.inf))


def _march_block(
    modes: Modes, widths: Array, state: NDArray[np.inexact], losses: list[float]
) -> NDArray[np.inexact]:
    """Append the losses after each of these steps; return the state at their end.

    The state of a mode is what the initial error and all noise so far have left in it. The loss at
    the end of a step also counts within the step, so that each step is a linear equation.
    """
    decays, firsts, lasts = _sum_geometric(modes, widths[:, None])
    firsts, lasts = firsts * modes.kernel, lasts * modes.kernel
    known, unknown = firsts.real.sum(axis=1), 1 - lasts.real.sum(axis=1)
    loss = losses[-1]
    for decay, first, last, ours, divisor in zip(
        decays, firsts, lasts, known, unknown, strict=True
    ):
        state = state * decay
        after = (modes.floor + float(state.real.sum()) + ours * loss) / divisor
        state += first * loss
        state += last * after
        loss = float(after)
        losses.append(loss)
    return state


def _sum_geometric(modes: Modes, n: Array) -> tuple[NDArray[np.inexact], ...]:
    """Return ``a^n`` and the weights of the first and the last loss in ``sum_j a^(n-1-j) P(j)``.

    For ``P`` linear over a step of ``n``, with ``A0 = (1 - a^n) / (1 - a)`` and
    ``A1 = (n - A0) / (1 - a)``, these are ``A0 - A1 / n`` and ``A1 / n``; shapes (steps, modes).
    """
    drop = modes.drop
    fall = np.expm1(n * modes.log_decay)
    total = -fall / drop
    last = (1 - total / n) / drop
    small = np.abs(n * drop) < _SMALL
    last[small] = _series(*(a[small] for a in np.broadcast_arrays(n, drop)))
    last[n[:, 0] == 1] = 0.0
    return fall + 1, total - last, last


def _series(n: Array, drop: NDArray[np.inexact]) -> NDArray[np.inexact]:
    """Return ``A1 / n = sum_k C(n, k+2) (-drop)^k / n`` for small ``n drop``."""
    term = (n - 1) / 2 + 0 * drop
    total = term
    for k in range(_TERMS):
        term = -term * drop * (n - k - 2) / (k + 3)
        total = total + term
    return total
