"""The modes of the deterministic equivalent: a contour integral around its spectrum.

By Cauchy's formula, forcing function and kernel are integrals of the resolvent along any curve that
runs around the spectrum but not around 0. An ellipse in ``log z`` does so with a fixed distance to
the spectrum at every scale, so that the trapezoid rule converges exponentially (Trefethen and
Weideman 2014, "The exponentially convergent trapezoidal rule"). ``tau`` at the nodes comes from
Newton's method, each node starting where the one before it ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.scaling.plrf.modes import Modes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.scaling.plrf.resolvent import Resolvent

    Complex = NDArray[np.complex128]

HALF_ANGLE = 0.7  # of the ellipse, in radians; below pi/4, so that its convergence is symmetric
_TOLERANCE = 1e-12
_LEFT = 3.0  # the curve crosses the axis at a third of the lower edge
_RIGHT = 1.5  # and at one and a half of the upper edge, if it may
_STEEPEST = 1.45  # radians, below pi/2: further up, |a| exceeds 1
_MOST_NODES = 20_000
_MOST_STEPS = 40


@dataclass(frozen=True)
class Ellipse:
    """In ``log z``: centre, half its length and half its height, and how many nodes it takes."""

    centre: float
    length: float
    height: float
    nodes: int

    def trace(self) -> tuple[Complex, Complex]:
        """Return the nodes in the upper half plane, right to left, and ``dz / z`` there."""
        t = (np.arange(self.nodes) + 0.5) * math.pi / self.nodes
        z = np.exp(self.centre + self.length * np.cos(t) + 1j * self.height * np.sin(t))
        step = math.pi / self.nodes
        return z, step * (-self.length * np.sin(t) + 1j * self.height * np.cos(t))


def choose_ellipse(lower: float, upper: float, limit: float, half_angle: float) -> Ellipse:
    """Fit an ellipse around the spectrum.

    Args:
        lower: Edge of the spectrum, positive.
        upper: Edge of the spectrum.
        limit: Where on the real axis ``|a(z)|`` reaches 1 again; above ``upper``.
        half_angle: Wanted; a spectrum close to ``limit`` gets a flatter one.
    """
    right = min(_RIGHT * upper, math.sqrt(upper * limit))
    left = lower / _LEFT
    length = math.log(right / left) / 2
    margin = min(math.log(right / upper), math.log(_LEFT))
    height = min(half_angle, 0.8 * length, math.sqrt(2 * length * margin))
    focus = math.sqrt(length**2 - height**2)
    here = math.asinh(height / focus)
    inside = here - math.acosh(max(1.0, (length - margin) / focus))
    spare = length + math.log(limit / right)
    outside = min(math.asinh(_STEEPEST / focus), math.acosh(spare / focus)) - here
    nodes = math.ceil(-math.log(_TOLERANCE) / min(inside, outside) / 2)
    return Ellipse(math.log(right * left) / 2, length, height, min(nodes, _MOST_NODES))


def find_modes(
    resolvent: Resolvent, lr: float, batch: int, *, half_angle: float = HALF_ANGLE
) -> Modes:
    """Compute forcing function and kernel of one-pass gradient descent as sums of exponentials.

    ``F(r) = F_0 + (1 / 2 pi i) oint sum_j lam_j b_j^2 / (1 + tau lam_j) a(z)^r dz / z`` and
    ``K(r) = (lr^2 B / 2 pi i) oint m S(tau) a(z)^r dz``, with ``S = sum_j lam_j / (1 + tau lam_j)``
    and ``a(z) = 1 - 2 lr B z + lr^2 B (B + 1) z^2``. The kernel is the trace of the resolvent less
    its part that is analytic inside, which would cost digits for wide models.

    Args:
        resolvent: Of the model.
        lr: Learning rate; ``lr (B + 1)`` times the upper edge must be below 2.
        batch: Rows per step, ``B``.
        half_angle: Of the ellipse, up to about 0.9 radians. The result hardly depends on it.
    """
    limit = 2 / (lr * (batch + 1))
    ellipse = choose_ellipse(resolvent.lower_edge, resolvent.upper_edge, limit, half_angle)
    z, relative_step = ellipse.trace()
    start = math.exp(ellipse.centre + ellipse.length)
    tau, reach, energy = _follow(resolvent, z, start)
    weight = relative_step / (1j * math.pi)  # both halves of the curve, by symmetry
    return Modes(
        drop=lr * batch * z * (2 - lr * (batch + 1) * z),
        forcing=weight * energy,
        kernel=-weight * lr**2 * batch * z**2 * tau * reach,
        floor=resolvent.floor,
    )


def _follow(resolvent: Resolvent, z: Complex, start: float) -> tuple[Complex, Complex, Complex]:
    """Return ``tau``, ``S(tau)`` and ``sum_j lam_j b_j^2 / (1 + tau lam_j)`` at each node."""
    spectrum = resolvent.spectrum
    values, count = spectrum.values, spectrum.count.astype(complex)
    energy = spectrum.energy.astype(complex)
    found = np.empty((3, len(z)), dtype=complex)
    tau, before = complex(resolvent.tau_beyond(start)), complex(start)
    speed = earlier = -1.0 + 0j  # of log tau against log z
    for k, target in enumerate(z):
        tau *= (target / before) ** (1.5 * speed - 0.5 * earlier)
        for _ in range(_MOST_STEPS):
            inverse = 1 / (1 + tau * values)
            ratio = values * inverse
            reach = count @ ratio
            slope = 1 / tau**2 - count @ (ratio * ratio) / resolvent.d
            error = reach / resolvent.d - 1 / tau - target
            if abs(error) <= 1e-13 * abs(target):
                break
            tau -= error / slope
        if tau.imag <= 0 or abs(error) > 1e-9 * abs(target):
            raise ArithmeticError(f"Newton's method lost the resolvent at z = {target:.6g}.")
        found[:, k] = tau, reach, energy @ inverse
        before, earlier, speed = target, speed, target / (tau * slope)
    return found[0], found[1], found[2]
