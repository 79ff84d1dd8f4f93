"""The trigger policy: what to do about one observation. A pure function; it needs no clock."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from driftune.errors import UsageError
from driftune.monitoring.decision import Decision, PastDecision
from driftune.monitoring.triggers import Asked, Seen, first_trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.monitoring.performance import Observation

_RETUNES = frozenset({"queued", "started", "merged_into"})
_PRICES = ("price_per_hour", "retune_price")


@dataclass(frozen=True)
class TriggerPolicy:
    """When to retune; also the section ``policy`` of the problem's YAML.

    Two things ask for a retune by default. **Regret** (``cost``): what retraining would have
    saved, added up since the champion was promoted, exceeds what a retune costs and is clear of
    noise. And a **drop** (``min_drop``): ``k`` breaches among the last ``m`` measured batches, the
    newest being one of them; a batch breaches when its loss is worse than the reference by
    ``min_drop`` AND its whole interval is worse than the reference interval. Before both, an
    earlier champion that has become right again is asked back (``recall``): that costs no training.

    Args:
        cost: Regret that a retune is worth, in losses of one batch: 0.05 = once the batches since
            the last act would together have lost a twentieth of a batch less. Lower retunes more
            often. None = regret is not measured.
        value_per_unit_loss: What one unit of the metric's loss (1 - score where greater is better)
            costs you over one batch, in any currency; in dollars where a language model is paid.
            With it a retune's price decides when regret is worth one, and ``cost`` limits recalls.
        price_per_hour: Of the machine while it retunes; how long that takes is what earlier retunes
            took, or before the first one ``tuning.budget.max_seconds``.
        retune_price: Fixed price of each retune, such as that of a review.
        certainty: One-sided certainty, in (0.5, 1), that accumulated regret is no noise.
        certainty_drifting: The same once a retune that a decision asked for was promoted: the
            world is known to move, so less evidence is needed that it moves on.
        probe_rows: Most rows of a model that regret is measured with. They are fitted on each
            batch: `make bench-monitoring` says what that buys.
        recall: Ask earlier champions back.
        min_drop: Relative growth of the loss that matters; 0.4 = four tenths more than the
            reference. A reference of one week does not know how weeks differ: on the demo's
            flights sound weeks reach 0.34, drifted ones begin at 0.64.
        k: Breaches needed, the newest batch being one of them.
        m: Among this many of the last batches; those without enough data do not count.
        hysteresis: After a breach the next batch breaches at ``min_drop - hysteresis`` already, so
            that a loss around the limit does not flicker.
        warm_up: Batches at the very beginning that never trigger and count for nothing.
        cooldown: Batches after a retune was asked for (or an alert given) that ask for no other.
        every: Retune after this many batches without one; None = never by schedule.
        new_rows: Retune after this many labelled rows without one; None = never.
        drift: What drift of the inputs does where no label can say more: nothing ("record"), an
            "alert", or a "retune". It is on record in any case.
        action: "retune" (search, then train), "retrain" (with the champion's configuration), or
            only "alert".
        strategy: What a challenger learns from: "all_history", a "window" of the newest rows, or
            "auto": both are trained, and the newest rows of the search say which.
        min_rows: A batch with fewer labelled rows is insufficient_data.
        max_retunes_per_month: Beyond it there is an alert instead; None = no limit.
        max_usd_per_month: Likewise for what studies paid their language model.

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

    cost: float | None = 0.05
    value_per_unit_loss: float | None = None
    price_per_hour: float | None = None
    retune_price: float | None = None
    certainty: float = 0.95
    certainty_drifting: float = 0.8
    probe_rows: int = 2500
    recall: bool = True
    min_drop: float = 0.4
    k: int = 2
    m: int = 3
    hysteresis: float = 0.1
    warm_up: int = 0
    cooldown: int = 2
    every: int | None = None
    new_rows: int | None = None
    drift: Literal["record", "alert", "retune"] = "alert"
    action: Literal["retune", "retrain", "alert"] = "retune"
    strategy: Literal["all_history", "window", "auto"] = "auto"
    min_rows: int = 100
    max_retunes_per_month: int | None = None
    max_usd_per_month: float | None = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot be meant."""
        _at_least(self, 0, "min_drop", "hysteresis", "warm_up", "cooldown")
        _at_least(self, 0, "cost", "max_retunes_per_month", "max_usd_per_month")
        _at_least(self, 0, *_PRICES)
        _at_least(self, 1, "k", "new_rows")
        _at_least(self, 2, "min_rows")
        _at_least(self, 50, "probe_rows")
        _hold("k", self.k, self.k <= self.m, f"at most policy.m = {self.m}")
        for name in ("certainty", "certainty_drifting"):
            _hold(name, getattr(self, name), 0.5 < getattr(self, name) < 1, "in (0.5, 1)")
        if self.every is not None:
            above = self.every > self.cooldown
            _hold("every", self.every, above, f"above policy.cooldown = {self.cooldown}")
        _one_of("action", self.action, ("retune", "retrain", "alert"))
        _one_of("drift", self.drift, ("record", "alert", "retune"))
        _one_of("strategy", self.strategy, ("all_history", "window", "auto"))
        _check_prices(self)

    def digest(self) -> str:
        """Return a hash of the settings, 16 hexadecimal digits, the same on every machine.

        Prices that are not set leave it as it was before there were any.
        """
        unpriced = {"value_per_unit_loss", *_PRICES} if self.value_per_unit_loss is None else set()
        said = {name: value for name, value in asdict(self).items() if name not in unpriced}
        text = json.dumps(said, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def breaches(self, seen: Observation, *, breached_before: bool = False) -> bool:
        """Return whether this batch alone is worse than the policy allows."""
        if seen.relative_drop is None or seen.low is None or seen.high is None:
            return False
        if seen.greater_is_better:
            clear = seen.high < seen.reference_low
        else:
            clear = seen.low > seen.reference_high
        limit = self.min_drop - (self.hysteresis if breached_before else 0)
        return clear and seen.relative_drop >= limit

    def decide(
        self,
        history: Sequence[PastDecision],
        observation: Observation,
        *,
        retunes_this_month: int = 0,
        usd_this_month: float = 0.0,
    ) -> Decision:
        """Decide about one observation.

        Args:
            history: Earlier decisions of this problem, oldest first, one per batch.
            observation: The newest batch.
            retunes_this_month: Retunes already started; counted by the caller, who has a clock.
            usd_this_month: What their studies paid, in dollars.
        """
        seen = self._look(history, observation)
        asked = first_trigger(self, seen)
        numbers = seen.numbers
        if asked is None or len(history) < self.warm_up:
            outcome: Literal["no_drift", "insufficient_data"] = (
                "no_drift" if observation.status == "ok" else "insufficient_data"
            )
            warming = f"warming up, batch {len(history) + 1} of {self.warm_up}"
            why = seen.quiet if asked is None else warming
            return self._decision(seen, outcome, None, f"{numbers}; {why}.")
        if seen.since is not None and seen.since <= self.cooldown:
            why = f"{asked.why}, but this is batch {seen.since} of a cooldown of {self.cooldown}"
            return self._decision(seen, "suppressed_cooldown", asked, f"{numbers}; {why}.")
        spent = self._cap(retunes_this_month, usd_this_month)
        if asked.action is None or (spent and asked.action != "recall"):
            why = f"{asked.why}{f', but {spent}' if asked.action else ''}"
            return self._decision(seen, "alert", asked, f"{numbers}; {why}.")
        return self._decision(seen, "queued", asked, f"{numbers}; {asked.why}.")

    def _look(self, history: Sequence[PastDecision], observation: Observation) -> Seen:
        """Gather what the triggers read: only batches since the champion's promotion count."""
        acted = self._acts(history)
        first = max([at + 1 for at, past in enumerate(history) if past.retuned], default=0)
        counted = history[max(first, self.warm_up) :]
        measured = [past for past in counted if past.outcome != "insufficient_data"]
        before = bool(measured) and measured[-1].breach
        breach = self.breaches(observation, breached_before=before)
        return Seen(
            observation=observation,
            breach=breach,
            window=tuple([*(past.breach for past in measured), breach][-self.m :]),
            since=len(history) - acted[-1] if acted else None,
            batches=len(history) + 1 - (acted[-1] + 1 if acted else 0),
            past=tuple(history[max(acted[-1] + 1 if acted else 0, self.warm_up) :]),
            drifting=any(past.retuned and past.outcome in _RETUNES for past in history),
        )

    def _acts(self, history: Sequence[PastDecision]) -> list[int]:
        """Return the positions of what starts a cooldown."""
        acts = _RETUNES if self.action != "alert" else _RETUNES | {"alert"}
        return [at for at, past in enumerate(history) if past.retuned or past.outcome in acts]

    def _cap(self, retunes: int, usd: float) -> str:
        """Say which monthly limit is reached, if any."""
        if self.max_retunes_per_month is not None and retunes >= self.max_retunes_per_month:
            return f"{retunes} retunes ran this month of {self.max_retunes_per_month} allowed"
        if self.max_usd_per_month is not None and usd >= self.max_usd_per_month:
            return f"{usd:.2f} dollars were spent this month of {self.max_usd_per_month} allowed"
        return ""

    def _decision(
        self,
        seen: Seen,
        outcome: Literal["no_drift", "insufficient_data", "suppressed_cooldown", "alert", "queued"],
        asked: Asked | None,
        reason: str,
    ) -> Decision:
        queued = outcome == "queued" and asked is not None
        return Decision(
            outcome=outcome,
            trigger=asked.trigger if asked else None,
            reason=reason,
            breach=seen.breach,
            action=asked.action if asked and queued else None,
            candidate=asked.candidate if asked and queued else None,
            over=asked.over if asked and queued else 1,
            accumulated=seen.regret.total,
        )


def _at_least(policy: TriggerPolicy, least: int, *names: str) -> None:
    for name in names:
        value = getattr(policy, name)
        if value is not None:
            _hold(name, value, value >= least, f"at least {least}")


def _check_prices(policy: TriggerPolicy) -> None:
    """Refuse a value without a price, a price without a value, and either without regret."""
    value = policy.value_per_unit_loss
    priced = [name for name in _PRICES if getattr(policy, name) is not None]
    if value is None:
        if priced:
            raise UsageError(
                f"policy.{priced[0]} is {getattr(policy, priced[0])!r} without a value: say what a"
                " unit of loss costs you with policy.value_per_unit_loss."
            )
        return
    _hold("value_per_unit_loss", value, 0 < value < math.inf, "a number above 0")
    if not priced:
        raise UsageError(
            f"policy.value_per_unit_loss is {value!r} without a price: say what a retune costs with"
            " policy.price_per_hour or policy.retune_price; 0 means nothing."
        )
    if policy.cost is None:
        raise UsageError(
            f"policy.value_per_unit_loss is {value!r}, but policy.cost is None and no regret is"
            " measured: leave policy.cost out."
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    _hold(name, value, value in known, f"one of {', '.join(map(repr, known))}")


def _hold(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise UsageError(f"policy.{name} is {value!r}; it must be {allowed}.")
