"""A predicted loss and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Prediction:
    """A value with limits that contain it, all in the unit of the loss."""

    loss: float
    low: float
    high: float

    def widen(self, by: float) -> Prediction:
        """Add an independent error of that half-width to both sides.

        >>> Prediction(5.0, 2.0, 9.0).widen(4.0) == Prediction(5.0, 0.0, 5.0 + 32**0.5)
        True
        """
        low = self.loss - math.hypot(self.loss - self.low, by)
        return Prediction(self.loss, low, self.loss + math.hypot(self.high - self.loss, by))


def make_prediction(
    value: float, draws: ArrayLike, level: float, others: ArrayLike = ()
) -> Prediction:
    """Enclose a value by the quantiles of its draws, and by what other models say.

    Args:
        value: The prediction.
        draws: Bootstrap draws of it, (r,).
        level: Share of the draws between the limits, in (0, 1).
        others: Predictions of other models; the interval spans these as well.

    >>> make_prediction(2.0, [1.0, 2.0, 3.0], 0.5, others=[4.0])
    Prediction(loss=2.0, low=1.0, high=4.0)
    """
    ends = [(1 - level) / 2, (1 + level) / 2]
    # weibull: the one definition whose coverage does not fall short with few draws
    low, high = np.quantile(np.asarray(draws), ends, method="weibull")
    also = [value, *np.asarray(others, dtype=float)]
    return Prediction(float(value), float(min(low, *also)), float(max(high, *also)))
