"""Limits of sanity: what no gain in the metric can buy.

They are far from what a sound model does; they catch the model that extrapolates to minus a
thousand minutes, the one that takes a second for a row, and the file that nobody can load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from driftune.metrics import FloatArray


@dataclass(frozen=True)
class Traits:
    """What is known of a challenger beside its predictions; what is None is not checked.

    Args:
        latency_us_per_row: Time to predict one row of many, one thread, in millionths of a second.
        model_size_kb: Stored size, in units of 1,000 bytes.
        label_low: Smallest label that it, or anybody, has seen; regression only.
        label_high: Greatest one.
    """

    latency_us_per_row: float | None = None
    model_size_kb: float | None = None
    label_low: float | None = None
    label_high: float | None = None


@dataclass(frozen=True)
class Limits:
    """Greatest values that a challenger may have; None = no limit. Keys of the section ``gate``.

    Args:
        max_latency_us_per_row: See `Traits`.
        max_model_size_kb: See `Traits`.
        max_overshoot: How far predictions of a regression may lie outside the labels seen, in
            units of the labels' own range: 1.0 = labels of 20 to 700 allow -660 to 1,380.
    """

    max_latency_us_per_row: float | None
    max_model_size_kb: float | None
    max_overshoot: float | None

    def find_fault(self, prediction: FloatArray, traits: Traits, who: str) -> str | None:
        """Say what is wrong with a model's predictions (n,) or (n, k), or with the model itself.

        >>> limits = Limits(None, None, max_overshoot=1.0)
        >>> limits.find_fault(np.array([5.0, 31.0]), Traits(label_low=0, label_high=10), "it")
        '1 of 2 predictions of it are beyond -10 to 20 (gate.max_overshoot 1), e.g. 31'
        """
        bad = int(np.size(prediction) - np.isfinite(prediction).sum())
        if bad:
            return f"{bad} of {np.size(prediction)} predictions of {who} are not finite"
        return self._find_far(prediction, traits, who) or self._find_large(traits, who)

    def _find_far(self, prediction: FloatArray, traits: Traits, who: str) -> str | None:
        if self.max_overshoot is None or traits.label_low is None or traits.label_high is None:
            return None
        room = self.max_overshoot * (traits.label_high - traits.label_low)
        low, high = traits.label_low - room, traits.label_high + room
        far = prediction[(prediction < low) | (prediction > high)]
        if not far.size:
            return None
        worst = far[np.abs(far - (low + high) / 2).argmax()]
        return (
            f"{far.size} of {prediction.size} predictions of {who} are beyond {low:.4g} to"
            f" {high:.4g} (gate.max_overshoot {self.max_overshoot:g}), e.g. {worst:.4g}"
        )

    def _find_large(self, traits: Traits, who: str) -> str | None:
        for name in ("latency_us_per_row", "model_size_kb"):
            value, limit = getattr(traits, name), getattr(self, f"max_{name}")
            if value is not None and limit is not None and value > limit:
                return f"{name} of {who} is {value:,.4g}, gate.max_{name} is {limit:,.4g}"
        return None


def range_of_labels(*labels: Any) -> dict[str, float]:
    """Return ``label_low`` and ``label_high`` over arrays of numbers; NaN counts for nothing."""
    seen = np.concatenate([np.asarray(values, dtype=float).ravel() for values in labels])
    seen = seen[np.isfinite(seen)]
    return {"label_low": float(seen.min()), "label_high": float(seen.max())} if len(seen) else {}
