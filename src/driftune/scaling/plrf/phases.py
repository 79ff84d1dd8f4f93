"""The phases of the alpha-beta plane, and how best width and loss scale with compute in each.

``alpha`` is how fast the spectrum of the data falls, ``beta`` how fast the target does. Which terms
of the loss can dominate depends on the two alone, and splits the plane into seven phases. Table of
"4+3 Phases of Compute-Optimal Neural Scaling Laws" (arXiv 2405.15074). Its authors prove nothing
for ``Ib`` below alpha = 1/4 nor for ``Ic``; the curves of this package agree with the table there.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Phase = Literal["Ia", "Ib", "Ic", "II", "III", "IVa", "IVb", "none"]

KERNEL_LINE = 0.25  # below it, gradient noise never dominates
PLATEAU_LINE = 1 - 1 / math.sqrt(2)  # where the noise term ceases to depend on the width
HIGH_DIMENSIONAL_LINE = 0.5  # below it, the trace grows with the width


class Exponents(NamedTuple):
    """Of the compute-optimal frontier: the best width is ``f^xi``, its loss ``f^-eta``.

    Args:
        xi: Share of the (log) compute that goes into width; the rest goes into steps.
        eta: Fall of the loss.
    """

    xi: float
    eta: float


def phase_of(alpha: float, beta: float) -> Phase:
    """Name the phase of a point; a point on a line belongs to the phase above or right of it.

    >>> phase_of(1.0, 0.3), phase_of(0.7, 1.2), phase_of(0.2, 0.2)
    ('Ia', 'III', 'none')
    """
    if alpha + beta <= 0.5:
        return "none"
    if alpha >= HIGH_DIMENSIONAL_LINE:
        if beta < 0.5:
            return "Ia"
        return "II" if beta < alpha else "III"
    if beta < 0.5:
        return "Ib"
    if alpha < KERNEL_LINE:
        return "Ic"
    return "IVa" if alpha >= PLATEAU_LINE else "IVb"


def exponents_of(alpha: float, beta: float) -> Exponents:
    """Return the exponents in theory; NaN where there is no power law.

    In the phase ``IVa`` both the loss and its minimum over the widths are flat near the optimum, so
    that ``xi`` jumps on the line to ``IVb`` while ``eta`` does not.

    >>> exponents_of(0.4, 0.8)
    Exponents(xi=0.5, eta=0.4)
    """
    a, b = alpha, beta
    gain = 2 * a + 2 * b - 1
    xi, eta = 0.5, math.nan
    match phase_of(a, b):
        case "Ia":
            xi, eta = 1 / (2 * a + 1), gain / (2 * a + 1)
        case "Ib":
            eta = gain / 2
        case "Ic":
            scale = a * (3 - 2 * b) + 2 * b - 1
            xi, eta = gain / (2 * scale), a * gain / scale
        case "II":
            xi, eta = b / (a + b), gain / (2 * (a + b))
        case "III":
            eta = 1 - 1 / (4 * a)
        case "IVa":
            eta = a
        case "IVb":
            scale = 2 * b - a - 2 * a * b
            xi, eta = (b - a) / scale, (1 - 2 * a) * gain / (2 * scale)
        case "none":
            xi = math.nan
    return Exponents(xi, eta)
