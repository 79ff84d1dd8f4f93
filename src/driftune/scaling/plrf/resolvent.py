"""The deterministic equivalent of a random features model, through its explicit inverse map.

With many features and a wide model, the resolvent of the random matrix ``W'DW`` is close to a
fixed one, ``1 / (lam_j m(z) - z)`` for feature j, where ``m`` solves an implicit equation
(Silverstein and Bai 1995). Written with ``m = -z tau`` that equation turns round: ``z = psi(tau)``
is explicit, ``psi(tau) = (1/d) sum_j lam_j / (1 + tau lam_j) - 1 / tau``. The edges of the spectrum
are where ``psi`` is stationary, and ``psi = 0`` gives what a trained model cannot learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.scaling.plrf.spectrum import Spectrum


@dataclass(frozen=True)
class Resolvent:
    """The map between ``tau`` and ``z`` for one spectrum and one width.

    Args:
        spectrum: Of the data.
        d: Width, below the number of features.
    """

    spectrum: Spectrum
    d: float

    def psi(self, tau: float) -> float:
        """Return the point ``z`` of the spectral plane that belongs to ``tau``."""
        return self.reach(tau) / self.d - 1 / tau

    def reach(self, tau: float) -> float:
        """Return ``sum_j lam_j / (1 + tau lam_j)``."""
        values = self.spectrum.values
        return float(self.spectrum.count @ (values / (1 + tau * values)))

    @cached_property
    def tau0(self) -> float:
        """The positive root of ``psi``, where the model uses up its ``d`` dimensions."""
        return self._root(lambda share: share, self.d / self.spectrum.trace)

    @cached_property
    def floor(self) -> float:
        """The loss that no training removes: ``sum_j lam_j b_j^2 / (1 + tau0 lam_j)``."""
        return float(self.spectrum.energy @ (1 / (1 + self.tau0 * self.spectrum.values)))

    @cached_property
    def lower_edge(self) -> float:
        """Of the bulk of eigenvalues: the maximum of ``psi`` beyond ``tau0``."""
        return self.psi(self._root(np.square, self.tau0))

    @cached_property
    def upper_edge(self) -> float:
        """Of the largest eigenvalue: the minimum of ``psi`` between -1 and 0."""
        return self.psi(self._tau_of_upper_edge)

    def tau_beyond(self, z: float) -> float:
        """Return ``tau`` in (-1, 0) of a real ``z`` above the upper edge."""
        from scipy.optimize import brentq

        low = self._tau_of_upper_edge
        return float(brentq(lambda tau: self.psi(tau) - z, low, -1 / z, xtol=1e-300, rtol=1e-14))

    @cached_property
    def _tau_of_upper_edge(self) -> float:
        from scipy.optimize import brentq

        values, count = self.spectrum.values, self.spectrum.count

        def slope(tau: float) -> float:
            return 1 - float(count @ (tau * values / (1 + tau * values)) ** 2) / self.d

        nearest = 0.25 / math.sqrt(self.d)  # closer to -1, the first feature alone outweighs 1
        return float(brentq(slope, nearest - 1, -1e-9, xtol=1e-15))

    def _root(self, shape: Callable[[np.ndarray], np.ndarray], start: float) -> float:
        """Solve ``sum_j shape(tau lam_j / (1 + tau lam_j)) = d``, growing in tau, from below."""
        from scipy.optimize import brentq

        values, count = self.spectrum.values, self.spectrum.count

        def excess(log_tau: float) -> float:
            ratio = math.exp(log_tau) * values
            return float(count @ shape(ratio / (1 + ratio))) / self.d - 1

        low = math.log(start) - 1e-9
        high = low + 1
        while excess(high) < 0:
            low, high = high, high + 2
        return math.exp(brentq(excess, low, high, xtol=1e-14))
