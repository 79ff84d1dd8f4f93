"""Replay a history: what a policy would have decided, and what had come of it.

The replay is the live loop without its clock: the same policy object decides about the same
observations, the same gate judges the same models, and a refused challenger is refused. What
differs is where the models come from: a `World` gives them, out of a retraining matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DriftuneError
from driftune.monitoring.decision import Decision, PastDecision
from driftune.monitoring.world import Attempt, Cost, Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.monitoring.performance import Observation
    from driftune.monitoring.world import Decides, World

SCHEDULED = frozenset({"schedule", "new_rows"})  # triggers that are no alarm


@dataclass(frozen=True)
class Step:
    """One batch of a replay.

    Args:
        batch: Its name.
        version: Who served it.
        knows: The newest batch that this version had learned from.
        value: The metric; None where it cannot be measured.
        outcome: Of the decision about it.
        trigger: What asked.
        action: What was queued: retune, retrain or recall.
        breach: Whether the batch breached the limits.
        reason: The policy's sentence.
        challenger: The version put before the gate.
        verdict: promoted, refused or failed.
        verdict_reason: The gate's sentence.
    """

    batch: str
    version: int
    knows: str
    value: float | None
    outcome: str = "unlabelled"
    trigger: str | None = None
    action: str | None = None
    breach: bool = False
    reason: str = ""
    challenger: int | None = None
    verdict: str | None = None
    verdict_reason: str = ""


@dataclass(frozen=True)
class Replayed:
    """What would have happened under one policy or schedule; ``dataclasses.asdict`` gives JSON.

    Args:
        name: Of the policy or schedule.
        kind: policy, or schedule for never, always and oracle: these pass no gate.
        steps: One per batch.
        mean: Mean of the metric over the batches that can be measured.
        retunes: Retunes asked for, recalls too.
        promotions: Changes of the champion after the first.
        fits: Models fitted, probes too.
        seconds: That those fits took.
    """

    name: str
    kind: str
    steps: tuple[Step, ...]
    mean: float | None
    retunes: int
    promotions: int
    fits: int
    seconds: float

    @property
    def alarms(self) -> int:
        """Retunes and alerts that a measurement, not a schedule, has asked for."""
        acted = [step for step in self.steps if step.outcome in ("queued", "alert")]
        return sum(step.trigger not in SCHEDULED for step in acted)


def replay(world: World, policy: Decides, name: str) -> Replayed:
    """Replay a history under a policy.

    Raises:
        DriftuneError: The gate refuses the first model, so that there is nothing to watch.
    """
    first = world.first()
    if first.version is None or first.status != "promoted":
        raise DriftuneError(f"There is no first model to watch: {first.reason}")
    return _Loop(world, policy, first.version).run(name)


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of what was measured."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


@dataclass
class _Loop:
    """The live loop's state: who serves, who has served, what was decided."""

    world: World
    policy: Decides
    champion: Version
    previous: Version | None = None
    newest: int = 1
    served: list[Version] = field(default_factory=list)
    by: dict[int, Version] = field(default_factory=dict)
    past: list[PastDecision] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def run(self, name: str) -> Replayed:
        """Let the batches arrive one after another, and their labels after the delay."""
        self.served.append(self.champion)
        delay = self.world.label_delay
        probes = Cost()
        for batch in range(1, len(self.world.names)):
            self._arrive(batch)
            if batch > delay:
                probes += self._label(batch - delay)
        spent = sum((attempt.cost for attempt in self.attempts), probes)
        return Replayed(
            name,
            "policy",
            tuple(self.steps),
            mean_of([step.value for step in self.steps]),
            retunes=sum(step.outcome == "queued" for step in self.steps),
            promotions=sum(attempt.status == "promoted" for attempt in self.attempts),
            fits=spent.fits,
            seconds=spent.seconds,
        )

    def _arrive(self, batch: int) -> None:
        """The champion of this moment predicts the rows; without labels little can be decided."""
        world, serving = self.world, self.champion
        self.by[batch] = serving
        self.steps.append(
            Step(
                world.names[batch],
                serving.number,
                world.names[serving.last],
                world.value(serving.serving, batch),
            )
        )
        self.past.append(PastDecision(world.names[batch], "insufficient_data", breach=False))
        if world.label_delay:
            known = max(0, batch - 1 - world.label_delay)
            self._decide(batch, world.observe_unlabelled(self.policy, serving, batch), known)

    def _label(self, batch: int) -> Cost:
        """Labels have arrived; about a version that no longer serves they decide nothing."""
        if self.by[batch] is not self.champion:
            self.past[batch - 1] = replace(self.past[batch - 1], outcome="no_drift")
            return Cost()
        earlier = [version for version in self.served if version is not self.champion]
        seen = self.world.observe(self.policy, self.champion, earlier, batch)
        self._decide(batch, seen, batch)
        return self.world.probe_cost(seen)

    def _decide(self, batch: int, seen: Observation, known: int) -> None:
        """Decide about a batch, and do at once what was decided."""
        decision = self.policy.decide(
            self.past[: batch - 1], seen, retunes_this_month=self._this_month(batch)
        )
        attempt = self._carry_out(decision, known) if decision.outcome == "queued" else None
        before = self.steps[batch - 1]
        acted = before.outcome == "queued"  # when its labels were not there yet
        failed = attempt is not None and attempt.status == "failed"
        promoted = attempt is not None and attempt.status == "promoted"
        self.past[batch - 1] = PastDecision(
            batch=seen.batch,
            outcome="failed" if failed else "queued" if acted else decision.outcome,
            breach=decision.breach,
            retuned=promoted or self.past[batch - 1].retuned,
            rows=seen.rows,
            regret=seen.regret,
            recall=seen.recall,
        )
        if not acted:
            self.steps[batch - 1] = _noted(before, decision, attempt)

    def _carry_out(self, decision: Decision, known: int) -> Attempt:
        """Retune, retrain or recall, and change the champion if the gate says so."""
        world, champion, previous = self.world, self.champion, self.previous
        if decision.action == "recall":
            candidate = next(one for one in self.served if one.number == decision.candidate)
            attempt = world.recall(candidate, known, decision.over, champion, previous)
        else:
            self.newest += 1
            attempt = world.challenge(self.policy, self.newest, known, champion, previous)
        self.attempts.append(attempt)
        if attempt.status == "promoted" and attempt.version is not None:
            self.previous, self.champion = champion, attempt.version
            at = [one.number for one in self.served]
            if attempt.version.number in at:
                self.served[at.index(attempt.version.number)] = attempt.version
            else:
                self.served.append(attempt.version)
        return attempt

    def _this_month(self, batch: int) -> int:
        """Count the retunes asked for in the month of this batch."""
        months = self.world.months
        return sum(
            step.outcome == "queued" and months[number] == months[batch]
            for number, step in enumerate(self.steps, start=1)
        )


def _noted(step: Step, decision: Decision, attempt: Attempt | None) -> Step:
    """Write a decision and what came of it beside what was served."""
    version = attempt.version if attempt else None
    return replace(
        step,
        outcome=decision.outcome,
        trigger=decision.trigger,
        action=decision.action,
        breach=decision.breach,
        reason=decision.reason,
        challenger=version.number if version else None,
        verdict=attempt.status if attempt else None,
        verdict_reason=attempt.reason if attempt else "",
    )
