"""The trigger policy: what to do about one observation. A pure function; it needs no clock."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.monitoring.performance import Observation

_RETUNES = frozenset({"queued", "started", "merged_into"})


@dataclass(frozen=True)
class PastDecision:
    """What the policy needs to know about an earlier decision.

    Args:
        batch: Name of the batch.
        outcome: The decision's outcome, as it stands now.
        breach: Whether that batch breached the limits.
        retuned: A retune that this decision started has promoted a model: the reference is new.
    """

    batch: str
    outcome: str
    breach: bool
    retuned: bool = False


@dataclass(frozen=True)
class Decision:
    """What was decided, and why.

    Args:
        outcome: Exactly one; the loop may later make ``started`` or ``merged_into`` of ``queued``.
        trigger: What asked for a retune or an alert, also where a cooldown suppressed it.
        reason: One sentence with the numbers.
        breach: Whether this batch alone breached the limits.
    """

    outcome: Literal["no_drift", "insufficient_data", "suppressed_cooldown", "alert", "queued"]
    trigger: Literal["performance_drop", "schedule"] | None
    reason: str
    breach: bool


@dataclass(frozen=True)
class TriggerPolicy:
    """When to retune; also the section ``policy`` of the problem's YAML.

    A batch breaches when its loss is worse than the reference by ``min_drop`` AND its whole
    interval is worse than the reference interval. ``k`` breaches among the last ``m`` measured
    batches since the last promotion trigger, if the newest batch is one of them.

    Args:
        min_drop: Relative growth of the loss that matters; 0.4 = four tenths more than the
            reference. A reference of one week does not know how weeks differ: on the demo's
            flights sound weeks reach 0.34, drifted ones begin at 0.64.
        k: Breaches needed, the newest batch being one of them.
        m: Among this many of the last batches; those without enough data do not count.
        warm_up: Batches at the very beginning that never trigger and count for nothing.
        cooldown: Batches after a retune was asked for (or an alert given) that ask for no other.
        every: Retune after this many batches without one; None = never by schedule.
        action: "retune", or only "alert".
        max_retunes_per_month: Beyond it there is an alert instead; None = no limit.

    Raises:
        UsageError: a setting out of its range; the message names it.

    One batch of this stream is bad among good ones (index 1, a storm), and all are from index 4
    on; the alarm rings at index 5, and again after the cooldown because nothing was promoted:

    >>> from driftune.monitoring import PerformanceMonitor
    >>> from driftune.resampling import Interval
    >>> import numpy as np
    >>> y = np.zeros(400)
    >>> monitor = PerformanceMonitor.from_reference("rmse", Interval(9.2, 9.7, 10.2))
    >>> policy, history = TriggerPolicy(), []
    >>> for week, rmse in enumerate([12.2, 16.4, 11.0, 10.1, 17.0, 17.8, 16.8, 17.1, 17.3]):
    ...     seen = monitor.observe(y, y + rmse, batch=str(week))
    ...     decision = policy.decide(history, seen)
    ...     history.append(PastDecision(str(week), decision.outcome, decision.breach))
    >>> [int(past.batch) for past in history if past.outcome == "queued"]
    [5, 8]
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    min_drop: float = 0.4
    k: int = 2
    m: int = 3
    warm_up: int = 0
    cooldown: int = 2
    every: int | None = None
    action: Literal["retune", "alert"] = "retune"
    max_retunes_per_month: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot be meant."""
        _hold("min_drop", self.min_drop, self.min_drop >= 0, "at least 0")
        _hold("k", self.k, self.k >= 1, "at least 1")
        _hold("k", self.k, self.k <= self.m, f"at most policy.m = {self.m}")
        _hold("warm_up", self.warm_up, self.warm_up >= 0, "at least 0")
        _hold("cooldown", self.cooldown, self.cooldown >= 0, "at least 0")
        if self.every is not None:
            above = self.every > self.cooldown
            _hold("every", self.every, above, f"above policy.cooldown = {self.cooldown}")
        _hold("action", self.action, self.action in ("retune", "alert"), "'retune' or 'alert'")
        if self.max_retunes_per_month is not None:
            limit = self.max_retunes_per_month
            _hold("max_retunes_per_month", limit, limit >= 0, "at least 0")

    def digest(self) -> str:
        """Return a hash of the settings, 16 hexadecimal digits, the same on every machine."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def breaches(self, seen: Observation) -> bool:
        """Return whether this batch alone is worse than the policy allows."""
        if seen.relative_drop is None or seen.low is None or seen.high is None:
            return False
        if seen.greater_is_better:
            clear = seen.high < seen.reference_low
        else:
            clear = seen.low > seen.reference_high
        return clear and seen.relative_drop >= self.min_drop

    def decide(
        self,
        history: Sequence[PastDecision],
        observation: Observation,
        *,
        retunes_this_month: int = 0,
    ) -> Decision:
        """Decide about one observation.

        Args:
            history: Earlier decisions of this problem, oldest first, one per batch.
            observation: The newest batch.
            retunes_this_month: Retunes already started; counted by the caller, who has a clock.
        """
        if observation.status == "insufficient_data":
            reason = (
                f"{observation.rows} labelled rows of batch {observation.batch} "
                f"({observation.unlabelled} without a label) are not enough to measure "
                f"{observation.metric}."
            )
            return Decision("insufficient_data", None, reason, breach=False)
        breach = self.breaches(observation)
        count, window = self._count(history, breach)
        numbers = f"{_numbers(observation)}; {count} of the last {window} batches breached"
        if len(history) < self.warm_up:
            reason = f"{numbers}; warming up, batch {len(history) + 1} of {self.warm_up}."
            return Decision("no_drift", None, reason, breach)
        since = self._batches_since(history)
        trigger, asked = self._trigger(count if breach else 0, since or len(history) + 1)
        if trigger is None:
            return Decision("no_drift", None, f"{numbers}, {self._needed()}.", breach)
        if since is not None and since <= self.cooldown:
            reason = f"{numbers}; {asked}, but this is batch {since} of a cooldown of "
            return Decision("suppressed_cooldown", trigger, f"{reason}{self.cooldown}.", breach)
        limit = self.max_retunes_per_month
        if self.action == "retune" and limit is not None and retunes_this_month >= limit:
            reason = f"{numbers}; {asked}, but {retunes_this_month} retunes ran this month of "
            return Decision("alert", trigger, f"{reason}{limit} allowed.", breach)
        outcome: Literal["queued", "alert"] = "queued" if self.action == "retune" else "alert"
        return Decision(outcome, trigger, f"{numbers}; {asked}.", breach)

    def _needed(self) -> str:
        return f"a {self.action} needs {self.k} of {self.m} and the newest"

    def _count(self, history: Sequence[PastDecision], breach: bool) -> tuple[int, int]:
        """Return (breaches, batches) among the last m measured since the last promotion."""
        first = max([i + 1 for i, past in enumerate(history) if past.retuned], default=0)
        if len(history) < self.warm_up:
            return int(breach), 1
        counted = [
            past.breach
            for past in history[max(first, self.warm_up) :]
            if past.outcome != "insufficient_data"
        ]
        window = [*counted, breach][-self.m :]
        return sum(window), len(window)

    def _batches_since(self, history: Sequence[PastDecision]) -> int | None:
        """Return how many batches ago we last acted (1 = at the one before this), or None."""
        acts = _RETUNES if self.action == "retune" else _RETUNES | {"alert"}
        acted = [i for i, past in enumerate(history) if past.retuned or past.outcome in acts]
        return len(history) - acted[-1] if acted else None

    def _trigger(
        self, count: int, since: int
    ) -> tuple[Literal["performance_drop", "schedule"] | None, str]:
        """Return what asks for action and how to say it."""
        if count >= self.k:
            return "performance_drop", f"{self.k} of {self.m} ask for a {self.action}"
        if self.every is not None and since >= self.every:
            return "schedule", f"{since} batches without a retune, policy.every is {self.every}"
        return None, ""


def _hold(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise UsageError(f"policy.{name} is {value!r}; it must be {allowed}.")


def _numbers(seen: Observation) -> str:
    """Say value, interval, reference and change."""
    assert seen.relative_drop is not None
    direction = "more" if seen.relative_drop >= 0 else "less"
    return (
        f"{seen.metric} {seen.value:.4g} ({seen.low:.4g} to {seen.high:.4g}) in batch {seen.batch} "
        f"against {seen.reference_value:.4g} ({seen.reference_low:.4g} to "
        f"{seen.reference_high:.4g}), {abs(seen.relative_drop):.0%} {direction} loss"
    )
