"""What can ask for a retune: each trigger is one function of what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from driftune.monitoring.regret import Accumulated, accumulate

if TYPE_CHECKING:
    from driftune.monitoring.decision import Action, PastDecision, Trigger
    from driftune.monitoring.performance import Observation
    from driftune.monitoring.policy import TriggerPolicy


@dataclass(frozen=True)
class Asked:
    """What a trigger asks for.

    Args:
        trigger: Which one.
        why: The end of the reason's sentence.
        action: What is to be done; None = an alert.
        candidate: The earlier champion to recall.
        over: Of how many batches, the newest last, that is the evidence.
    """

    trigger: Trigger
    why: str
    action: Action | None
    candidate: int | None = None
    over: int = 1


@dataclass(frozen=True)
class Seen:
    """A batch with what was seen since the last act and the last promotion.

    Args:
        observation: The newest batch.
        breach: Whether it breaches.
        window: Breaches of the last m measured batches, the newest last.
        since: Batches since the last act (1 = at the one before this); None = never.
        batches: Batches without an act, this one included.
        past: Decisions since the last act.
        drifting: Whether an earlier retune has been worth it.
    """

    observation: Observation
    breach: bool
    window: tuple[bool, ...]
    since: int | None
    batches: int
    past: tuple[PastDecision, ...]
    drifting: bool = False

    @cached_property
    def regret(self) -> Accumulated:
        """The larger regret of both strategies."""
        found: list[PastDecision | Observation] = [*self.past, self.observation]
        names = {one.strategy for each in found for one in each.regret}
        sums = [
            accumulate(one for each in found for one in each.regret if one.strategy == name)
            for name in sorted(names)
        ]
        return max(sums, key=lambda each: each.total, default=Accumulated())

    @cached_property
    def recalls(self) -> dict[int, Accumulated]:
        """What each earlier champion would have saved."""
        found: list[PastDecision | Observation] = [*self.past, self.observation]
        versions = {one.version for one in self.observation.recall}
        return {
            version: accumulate(
                one for each in found for one in each.recall if one.version == version
            )
            for version in sorted(versions)
        }

    @property
    def numbers(self) -> str:
        """The sentence's beginning: value, interval, reference, change."""
        seen = self.observation
        if seen.relative_drop is None:
            return (
                f"{seen.rows} labelled rows of batch {seen.batch} ({seen.unlabelled} without a"
                f" label) are not enough to measure {seen.metric}"
            )
        direction = "more" if seen.relative_drop >= 0 else "less"
        return (
            f"{seen.metric} {seen.value:.4g} ({seen.low:.4g} to {seen.high:.4g}) in batch"
            f" {seen.batch} against {seen.reference_value:.4g} ({seen.reference_low:.4g} to"
            f" {seen.reference_high:.4g}), {abs(seen.relative_drop):.0%} {direction} loss"
        )

    @property
    def quiet(self) -> str:
        """Why nothing asks: what regret there is, and how many breaches."""
        if self.observation.relative_drop is None:
            return "nothing else asks for a retune"
        parts = [f"{sum(self.window)} of the last {len(self.window)} batches breached"]
        if self.observation.regret:
            parts.append(f"retraining would have saved {self.regret.total:.2f} batch losses so far")
            if self.observation.retune_cost:
                parts.append(f"a retune costs {self.observation.retune_cost}")
        return ", ".join(parts)


def first_trigger(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """Return what asks first, the cheapest and the best founded before the others."""
    for trigger in (_recall, _cost, _drop, _schedule, _new_rows, _estimate, _drift):
        asked = trigger(policy, seen)
        if asked is not None:
            return asked
    return None


def _action(policy: TriggerPolicy) -> Action | None:
    return None if policy.action == "alert" else policy.action


def _recall(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """An earlier champion saves clearly more than a retraining would."""
    if not policy.recall or policy.cost is None or not seen.recalls:
        return None
    price = seen.observation.retune_cost
    least = policy.cost if price is None else min(policy.cost, price.regret)  # it trains nothing
    version, found = max(seen.recalls.items(), key=lambda item: item[1].total)
    certainty = 1 - (1 - policy.certainty) / (10 * len(seen.recalls))  # each batch asks them all
    if found.total <= least or found.total <= seen.regret.total:
        return None
    if not found.is_clear(certainty):
        return None
    why = f"version {version} would have saved {found.total:.2f} batch losses and is asked back"
    action: Action | None = "recall" if policy.action != "alert" else None
    return Asked("recall", why, action, version, found.batches)


def _cost(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """What waiting has cost exceeds what a retune costs."""
    if policy.cost is None or not seen.observation.regret:
        return None
    found, price = seen.regret, seen.observation.retune_cost
    certainty = policy.certainty_drifting if seen.drifting else policy.certainty
    least = policy.cost if price is None else price.regret
    if found.total <= least or not found.is_clear(certainty):
        return None
    worth = "" if price is None else f" (worth {price.worth(found.total):.2f})"
    cost = f"policy.cost is {policy.cost:g}" if price is None else f"a retune costs {price}"
    why = (
        f"retraining would have saved {found.total:.2f} batch losses{worth} since the last act"
        f" ({found.batches} batches), {cost}"
    )
    return Asked("cost", why, _action(policy))


def _drop(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """K of m batches breached, the newest being one of them."""
    if not seen.breach or sum(seen.window) < policy.k:
        return None
    count = f"{sum(seen.window)} of the last {len(seen.window)} batches breached"
    return Asked(
        "performance_drop",
        f"{count}, {policy.k} of {policy.m} ask for a {policy.action}",
        _action(policy),
    )


def _schedule(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    if policy.every is None or seen.batches < policy.every or seen.observation.status != "ok":
        return None
    why = f"{seen.batches} batches without a retune, policy.every is {policy.every}"
    return Asked("schedule", why, _action(policy))


def _new_rows(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    rows = sum(past.rows for past in seen.past) + seen.observation.rows
    if policy.new_rows is None or rows < policy.new_rows:
        return None
    why = f"{rows:,} labelled rows without a retune, policy.new_rows is {policy.new_rows:,}"
    return Asked("new_rows", why, _action(policy))


def _estimate(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """Without labels an estimate may alert; it proves nothing, so it asks for no retune."""
    estimate = seen.observation.estimate
    if seen.observation.status == "ok" or estimate is None or not policy.breaches(estimate):
        return None
    why = f"{estimate.metric} is estimated at {estimate.value:.4g}, before the labels are there"
    return Asked("estimated_drop", why, None)


def _drift(policy: TriggerPolicy, seen: Seen) -> Asked | None:
    """Drift of the inputs speaks where labels do not, and asks for what the policy says."""
    drift = seen.observation.drift
    silent = seen.observation.status != "ok"
    if drift is None or not drift.drifted or policy.drift == "record":
        return None
    if policy.drift == "alert" and not silent:
        return None
    columns = ", ".join(drift.alarms) or "the columns together"
    action = _action(policy) if policy.drift == "retune" else None
    return Asked("drift", f"drift of {columns}", action)
