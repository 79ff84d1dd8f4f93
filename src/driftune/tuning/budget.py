"""What a study may cost, and the clock that says when it must stop.

All limits hold at once; the first one reached stops the study. The language model's own limits
silence the model and leave the search running, because an expensive model must never make a
search worse than none.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

StopReason = Literal["time", "trials", "llm_cost", "converged", "user"]


@dataclass(frozen=True)
class Budget:
    """Limits of one call of :func:`driftune.tuning.tune`.

    Args:
        max_seconds: Wall time as ``"10m"``, ``"90s"``, ``"1h30m"`` or a number of seconds;
            ``None`` for no limit. Each call, also one that resumes, has this much time.
        max_trials: Trials in the whole study, those of earlier calls included.
        max_llm_cost_usd: Dollars for language-model calls; 0 makes no call at all.
        max_llm_calls: Language-model calls; 0 makes no call at all.
        min_trials: Trials that are completed even when time runs out: their fits are cut short
            and scored as they are.
        patience: Completed trials without a relative gain above
            ``max(0.001, 1/sqrt(validation rows))`` after which the study counts as converged;
            ``None`` never stops it.

    Raises:
        UsageError: A limit is negative or is not a duration.

    >>> Budget(max_seconds="1h30m").seconds
    5400.0
    """

    max_seconds: str | float | None = "2m"
    max_trials: int | None = 40
    max_llm_cost_usd: float | None = 1.0
    max_llm_calls: int | None = 25
    min_trials: int = 1
    patience: int | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        """Refuse limits that cannot be meant."""
        parse_seconds(self.max_seconds)
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value >= lowest):
                raise UsageError(
                    f"budget.{name} is {value!r}; it must be a number of at least {lowest}."
                )

    @property
    def seconds(self) -> float | None:
        """``max_seconds`` as a number of seconds."""
        return parse_seconds(self.max_seconds)

    @property
    def allows_language_model(self) -> bool:
        """False when the budget leaves no call or no money for a language model."""
        return self.max_llm_cost_usd != 0 and self.max_llm_calls != 0

    def clock(self, now: Callable[[], float] = time.monotonic) -> Clock:
        """Start the clock."""
        return Clock(budget=self, now=now)


_LOWEST = {
    "max_trials": 1,
    "max_llm_cost_usd": 0,
    "max_llm_calls": 0,
    "min_trials": 1,
    "patience": 1,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_seconds(value: str | float | None) -> float | None:
    """Read a duration.

    >>> parse_seconds("90s"), parse_seconds("10m"), parse_seconds(3), parse_seconds(None)
    (90.0, 600.0, 3.0, None)
    """
    if value is None:
        return None
    seconds = _as_number(value)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(
            f"budget.max_seconds is {value!r}; write a positive duration such as '10m', '90s' "
            "or '1h30m', or a number of seconds."
        )
    return seconds


_DURATION = re.compile(r"(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?")


def _as_number(value: str | float) -> float:
    # pandas.Timedelta reads these too, but settings are read where pandas is not wanted yet
    text = str(value).replace(" ", "")
    match = _DURATION.fullmatch(text)
    try:
        if text and match:
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return float(text)
    except ValueError:
        return math.nan


@dataclass
class Clock:
    """Time used in this call, and why the study stopped.

    Attributes:
        stop_reason: ``None`` while the study may go on.
    """

    budget: Budget
    now: Callable[[], float] = time.monotonic
    stop_reason: StopReason | None = None
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Remember when it began."""
        self.started = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.now() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left; infinite without a limit, negative after it."""
        seconds = self.budget.seconds
        return math.inf if seconds is None else seconds - self.elapsed

    def check(self, *, completed: int, counted: int) -> StopReason | None:
        """Return and remember the limit that is reached, if any.

        Args:
            completed: Trials of the study with a score.
            counted: Trials of the study that count against ``max_trials``.
        """
        if self.budget.max_trials is not None and counted >= self.budget.max_trials:
            self.stop_reason = "trials"
        elif self.remaining <= 0 and completed >= self.budget.min_trials:
            self.stop_reason = "time"
        return self.stop_reason
