"""What a replay needs: a history with a model for every question, and a policy that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.monitoring.decision import Decision, PastDecision
    from driftune.monitoring.matrix import Fitted
    from driftune.monitoring.performance import Observation
    from driftune.resampling import Interval


class Decides(Protocol):
    """What a replay needs of a policy; :class:`driftune.monitoring.TriggerPolicy` is one.

    Its attributes ``cost``, ``probe_rows``, ``recall``, ``drift``, ``strategy`` and ``min_rows``,
    where it has them, say what is measured for it and what challengers learn from.
    """

    def decide(
        self,
        history: Sequence[PastDecision],
        observation: Observation,
        *,
        retunes_this_month: int = 0,
    ) -> Decision:
        """Decide about one observation."""
        ...


@dataclass(frozen=True)
class Cost:
    """What something takes.

    Args:
        fits: Models fitted.
        seconds: That this takes, one fit after another.
    """

    fits: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Add up."""
        return Cost(self.fits + other.fits, self.seconds + other.seconds)


@dataclass(frozen=True)
class Version:
    """A model that was before the gate.

    Args:
        number: As the registry would count.
        last: Newest batch that it knows, as a number in the history.
        proof: The model that the gate judges: it has not seen the promotion rows.
        serving: The model that serves.
        start: How many of the oldest labelled rows they have not learned from.
        reference: Score of the proof model on the promotion rows.
    """

    number: int
    last: int
    proof: Fitted
    serving: Fitted
    start: int = 0
    reference: Interval | None = None


@dataclass(frozen=True)
class Attempt:
    """What came of a challenger: ``promoted``, ``refused``, or ``failed`` without a version.

    Args:
        status: See above.
        reason: The gate's sentence, or the error's.
        version: The challenger.
        cost: Of its models.
    """

    status: str
    reason: str
    version: Version | None = None
    cost: Cost = Cost()


class World(Protocol):
    """A history with models for it; batch 0 holds what is known at the start."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the batches, oldest first."""
        ...

    @property
    def months(self) -> tuple[str, ...]:
        """When each batch happened, e.g. ``2013-05``; equal strings are one month."""
        ...

    @property
    def label_delay(self) -> int:
        """A batch's labels are there after so many further batches."""
        ...

    def first(self) -> Attempt:
        """Put the first model before the gate."""
        ...

    def observe(
        self, policy: Decides, champion: Version, earlier: Sequence[Version], batch: int
    ) -> Observation:
        """Measure a batch with its labels, for this policy, beside earlier champions."""
        ...

    def observe_unlabelled(self, policy: Decides, champion: Version, batch: int) -> Observation:
        """Look at a batch whose labels are not there yet."""
        ...

    def probe_cost(self, seen: Observation) -> Cost:
        """Return what measuring regret on this batch costs."""
        ...

    def challenge(
        self, policy: Decides, number: int, last: int, champion: Version, previous: Version | None
    ) -> Attempt:
        """Train a challenger on what is known after batch ``last``; put it before the gate."""
        ...

    def recall(
        self, earlier: Version, last: int, over: int, champion: Version, previous: Version | None
    ) -> Attempt:
        """Put an earlier champion before the gate, on the ``over`` batches up to ``last``."""
        ...

    def retrained(self, last: int) -> Fitted:
        """Return the model of all rows known after batch ``last``."""
        ...

    def value(self, model: Fitted, batch: int) -> float | None:
        """Return a model's metric on a later batch; None where it cannot be measured."""
        ...

    def loss(self, value: float) -> float:
        """Turn a metric into a loss: lower is better."""
        ...
