"""What the gate found, and how it says so in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from driftune.resampling import Interval


@dataclass(frozen=True)
class SliceVerdict:
    """The challenger against the champion on some of the rows.

    Args:
        name: Which rows: ``carrier = AA``, ``distance 200 to 500``, ``seats missing``.
        rows: How many.
        improvement: Relative, as that of the verdict; the interval holds for all slices at once.
    """

    name: str
    rows: int
    improvement: Interval


@dataclass(frozen=True)
class Verdict:
    """What the gate found, ready for ``dataclasses.asdict`` and JSON.

    Args:
        promoted: Whether the challenger may go into service.
        reason: One sentence with the numbers.
        metric: Name of the metric.
        rows: Labelled rows judged on.
        confidence: Of ``improvement`` and ``over_previous``.
        challenger_score: In the metric's natural units; None if it could not be computed.
        champion_score: The same; of the constant prediction when there was no usable champion.
        improvement: Relative: 0.1 = a tenth less loss than the champion, negative = more.
        over_previous: The same against the champion before this one, where that was compared.
        previous_is_better: The challenger is clearly worse than the champion before this one,
            which may have become right again and is worth recalling.
        slices: Compared slices, the worst first; at most ten.
        slices_judged: How many were compared.
        champion_version: Version of the champion judged against; None for the first model.
    """

    promoted: bool
    reason: str
    metric: str
    rows: int
    confidence: float
    challenger_score: float | None = None
    champion_score: float | None = None
    improvement: Interval | None = None
    over_previous: Interval | None = None
    previous_is_better: bool = False
    slices: tuple[SliceVerdict, ...] = ()
    slices_judged: int = 0
    champion_version: int | None = None

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Verdict:
        """Return a verdict from what ``dataclasses.asdict`` (and JSON) made of it.

        >>> Verdict.from_dict({"promoted": False, "reason": "x", "metric": "mae", "rows": 9,
        ...     "confidence": 0.95, "improvement": {"low": 0.0, "value": 0.1, "high": 0.2}}
        ... ).improvement.value
        0.1
        """
        gains = {
            name: Interval(**stored[name])
            for name in ("improvement", "over_previous")
            if stored.get(name)
        }
        slices = tuple(
            SliceVerdict(one["name"], one["rows"], Interval(**one["improvement"]))
            for one in stored.get("slices", ())
        )
        return cls(**{**stored, **gains, "slices": slices})


def write_reason(verdict: Verdict, why: str, champion_name: str, unit: str) -> str:
    """Write the reason in one sentence: both scores, the gain with its interval, what decided."""
    gain = verdict.improvement
    assert gain is not None
    unit = f" {unit}" if unit else ""
    return (
        f"{'Promoted' if verdict.promoted else 'Refused'}: {verdict.metric} "
        f"{verdict.challenger_score:.4g}{unit} against {verdict.champion_score:.4g}{unit} of "
        f"{champion_name} on {verdict.rows:,} fresh rows, {in_words(gain)} "
        f"({verdict.confidence:.0%} interval of the gain {gain.low:.1%} to {gain.high:.1%}), {why}."
    )


def in_words(gain: Interval) -> str:
    """Say a relative gain.

    >>> in_words(Interval(-0.2, -0.1, 0.0))
    '10.0% more loss'
    """
    return f"{abs(gain.value):.1%} {'less' if gain.value >= 0 else 'more'} loss"
