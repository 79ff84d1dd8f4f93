"""What searches cost: calls, dollars and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.reporting.story import Retuned


@dataclass(frozen=True)
class Spent:
    """What some retunes spent.

    Attributes:
        searches: How many of them have searched.
        seconds: Wall time of these searches, as far as MLflow knows it.
        calls: Of a language model.
        dollars: Paid for them.
    """

    searches: int
    seconds: float
    calls: int
    dollars: float


def add_up(retunes: Sequence[Retuned]) -> Spent:
    """Add up what retunes spent."""
    return Spent(
        searches=sum(bool(retune.best_params) or retune.seconds is not None for retune in retunes),
        seconds=sum(retune.seconds or 0.0 for retune in retunes),
        calls=sum(retune.llm_calls for retune in retunes),
        dollars=sum(retune.llm_cost_usd for retune in retunes),
    )
