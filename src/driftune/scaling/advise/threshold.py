"""What a difference of losses must exceed before it decides anything."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A limit, and what sets it.

    >>> print(Threshold(0.0217, "noise"))
    noise (0.022)
    """

    value: float
    name: str

    def __str__(self) -> str:
        """Say both, for a sentence."""
        return f"{self.name} ({self.value:.2g})"
