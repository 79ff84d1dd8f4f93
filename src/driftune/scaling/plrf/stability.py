"""Which learning rates converge.

The loss stays bounded if every mode decays, ``lr (B + 1) lam_max < 2``, and if the noise that a
step leaves behind adds up to less than the loss that caused it: the kernel's norm, about
``lr trace / 2``, is below 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftune.scaling.plrf.resolvent import Resolvent

_CLEARANCE = 1.0001  # closer to the largest eigenvalue, no contour fits between it and the limit


def default_learning_rate(resolvent: Resolvent, batch: int) -> float:
    """Return ``min(1 / (2 (B + 1)), 1 / trace, 1 / ((B + 1) lam_max))``, which is always stable.

    It leaves the kernel a norm of about 0.25 to 0.5. The last of the three matters only for flat
    spectra of few dimensions, where features add up to an eigenvalue above 2.
    """
    trace, largest = resolvent.spectrum.trace, resolvent.upper_edge
    return min(1 / trace, 1 / ((batch + 1) * max(2.0, largest)))


def kernel_norm(resolvent: Resolvent, lr: float, batch: int) -> float:
    """Return the sum of the kernel over all steps, infinite where a mode does not decay.

    The sum over eigenvalues ``lr lam / (2 - lr (B+1) lam)`` is, by residues, one value of the
    resolvent: ``-tau S(tau) / (B + 1)`` at ``psi(tau) = 2 / (lr (B + 1))``.
    """
    limit = 2 / (lr * (batch + 1))
    if limit <= _CLEARANCE * resolvent.upper_edge:
        return math.inf
    tau = resolvent.tau_beyond(limit)
    return -tau * resolvent.reach(tau) / (batch + 1)
