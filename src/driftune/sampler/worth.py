"""What a study would have reached without its language model: replayed from its other trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.sampler.credit import credit_by_source
from driftune.sampler.history import judge_trials, read_direction
from driftune.sampler.replay import FEWEST_OTHERS, replay_without_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

    from driftune.sampler.credit import SourceCredit
    from driftune.sampler.history import Outcome

VERDICTS = ("no model", "too few trials", "earned", "not shown", "cost without gain")

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Worth:
    """Whether the language model earned its money in one study.

    Args:
        verdict: One of ``VERDICTS``. "earned": the study reached more than the better end of the
            interval. "cost without gain": the model was asked, and none of its trials improved on
            the incumbent, or the study ended beyond the worse end. "not shown": luck can explain
            the difference. "too few trials": other sources ran fewer than 8.
        reached: Best value of the study; ``None`` without one.
        estimate: Median of what it would have reached without the model; ``None`` if unknown.
        low: Lower end of the 95% interval around ``estimate``, in units of the objective.
        high: Upper end.
        trials: Finished trials that the model proposed.
        share: Of all improvement after the warm start, what these trials brought, 0 to 1.
        calls: Requests to the model.
        unpriced_calls: Those whose price is not known; they are not in ``cost_usd``.
        cost_usd: Dollars for the others.
        unheard_calls: Calls that were set aside and whose end nobody heard.
        unheard_usd: Dollars set aside for them, at their highest price.
        null_trials: Finished trials of the null model, which only jitters the incumbent.
        null_share: Of all improvement after the warm start, what these brought.
    """

    verdict: str
    reached: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    trials: int = 0
    share: float = 0.0
    calls: int = 0
    unpriced_calls: int = 0
    cost_usd: float = 0.0
    unheard_calls: int = 0
    unheard_usd: float = 0.0
    null_trials: int = 0
    null_share: float = 0.0

    @property
    def price_unknown(self) -> bool:
        """Whether no call has a known price."""
        return 0 < self.calls <= self.unpriced_calls

    def sentence(self, metric: str) -> str:
        """Answer the question in words and numbers.

        >>> Worth("no model").sentence("rmse")
        'No language model took part in this study.'
        >>> print(Worth("not shown", 10.0, 10.4, 9.7, 10.9, trials=9, share=0.5, calls=3,
        ...             cost_usd=0.0123, null_trials=7, null_share=0.25).sentence("rmse"))
        It is not shown that the language model earned its money: the study reached rmse 10, and \
without the model an estimated 10.4 (95% interval 9.7 to 10.9), which luck alone can explain; the \
model proposed 9 trials in 3 calls for $0.0123 and brought 50% of the improvement, the null \
model, which only jitters the incumbent, 25% with 7 trials for nothing.

        Args:
            metric: Name of what the objective measures.
        """
        if self.verdict == "no model":
            return "No language model took part in this study."
        return f"{self._answer(metric)}; {self._effort()}, {self._control()}."

    def _answer(self, metric: str) -> str:
        reached = "nothing" if self.reached is None else f"{metric} {self.reached:.5g}"
        said = f"the study reached {reached}"
        if self.estimate is not None:
            interval = f"95% interval {self.low:.5g} to {self.high:.5g}"
            said += f", and without the model an estimated {self.estimate:.5g} ({interval})"
        if self.verdict == "earned":
            return f"The language model earned its money: {said}"
        if self.verdict == "cost without gain":
            runs = "trials improved on the incumbent" if self.trials else "proposals was run"
            why = "" if self.share else f"none of its {runs}, and "
            return f"The language model did not earn its money: {why}{said}"
        if self.verdict == "not shown":
            return (
                f"It is not shown that the language model earned its money: {said}, which luck"
                " alone can explain"
            )
        return (
            f"Whether the language model earned its money cannot be said: {said}, and fewer than"
            f" {FEWEST_OTHERS} trials of other sources tell what it would have reached without"
        )

    def _effort(self) -> str:
        return (
            f"the model proposed {_count(self.trials, 'trial')} in {_count(self.calls, 'call')}"
            f" {self._price()} and brought {self.share:.0%} of the improvement"
        )

    def _price(self) -> str:
        unheard = _count(self.unheard_calls, "call")
        return self._known_price() + (
            f" (and at most ${self.unheard_usd:.4f} for {unheard} whose end nobody heard)"
            if self.unheard_calls
            else ""
        )

    def _known_price(self) -> str:
        if self.price_unknown:
            return "(price unknown)"
        if not self.unpriced_calls:
            return f"for ${self.cost_usd:.4f}"
        return f"for ${self.cost_usd:.4f} and {self.unpriced_calls} at an unknown price"

    def _control(self) -> str:
        if not self.null_trials:
            return "and no null model ran beside it"
        return (
            f"the null model, which only jitters the incumbent, {self.null_share:.0%} with"
            f" {_count(self.null_trials, 'trial')} for nothing"
        )


def estimate_without_model(
    trials: Sequence[FrozenTrial], direction: str, *, n_resamples: int = 2000, seed: int = 0
) -> Worth:
    """Estimate what the study would have reached, in as many trials, without its language model.

    The study is replayed many times from its warm start on, each searched trial a fresh draw from
    what the other sources reached around the same time (see ``replay_without_model``). All trials
    are drawn anew because the others had luck too: a replay of the model's trials alone would be
    too sure. If the model's trials are exchangeable with the others', the study's best value is
    one more draw from the same distribution, and "earned" is said by mistake in about one study of
    forty.

    What it cannot know: other sources build on what the model found, so that their later trials
    flatter the study without it. A trial that was ahead of their own incumbent while the model had
    taken the study further may owe that to the model; each replay takes away a share of it, drawn
    evenly from none to all. Nor does it know of luck that builds up over a study, good or bad: a
    search that by chance went another way from the beginning.

    Args:
        trials: Of one study with one objective; unfinished ones are left out.
        direction: "minimize" or "maximize".
        n_resamples: Replays.
        seed: Of the replays.
    """
    history = judge_trials(trials, read_direction(direction))
    credits = credit_by_source(trials, direction=direction)
    return judge_worth(history, credits, direction, n_resamples=n_resamples, seed=seed)


def judge_worth(
    history: Sequence[Outcome],
    credits: Iterable[SourceCredit],
    direction: str,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Worth:
    """Do the same for a study whose trials are judged already.

    Args:
        history: All finished trials in the order in which they finished.
        credits: By source, from :func:`credit_by_source`.
        direction: "minimize" or "maximize".
        n_resamples: Replays.
        seed: Of the replays.
    """
    by_source = {credit.source: credit for credit in credits}
    model, null = by_source.get("llm"), by_source.get("jitter")
    losses = [outcome.loss for outcome in history if outcome.loss is not None]
    reached = min(losses) if losses else None
    drawn = None
    if model and model.trials:
        drawn = replay_without_model(history, n_resamples, np.random.default_rng(seed))
    ends = None if drawn is None else _summarise(drawn)
    sign = -1.0 if direction.lower() == "maximize" else 1.0
    low, high = sorted(sign * end for end in (ends[0], ends[2])) if ends else (None, None)
    return Worth(
        verdict=_judge(model, _brought_nothing(history), reached, ends),
        reached=None if reached is None else sign * reached,
        estimate=sign * ends[1] if ends else None,
        low=low,
        high=high,
        trials=model.trials if model else 0,
        share=(model.share or 0.0) if model else 0.0,
        calls=model.calls if model else 0,
        unpriced_calls=model.unpriced_calls if model else 0,
        cost_usd=model.cost_usd if model else 0.0,
        unheard_calls=model.unheard_calls if model else 0,
        unheard_usd=model.unheard_usd if model else 0.0,
        null_trials=null.trials if null else 0,
        null_share=(null.share or 0.0) if null else 0.0,
    )


def _judge(
    model: SourceCredit | None,
    brought_nothing: bool,
    reached: float | None,
    ends: tuple[float, float, float] | None,
) -> str:
    if model is None or not (model.trials or model.calls or model.unheard_calls):
        return "no model"
    if brought_nothing:
        return "cost without gain"
    if reached is None or ends is None:
        return "too few trials"
    if reached < ends[0]:
        return "earned"
    return "cost without gain" if reached > ends[2] else "not shown"


def _brought_nothing(history: Sequence[Outcome]) -> bool:
    """Whether none of the model's trials improved on anything; the very first has no incumbent."""
    usable = [outcome for outcome in history if outcome.usable]
    return not any(o.source == "llm" and (o.gain > 0 or o is usable[0]) for o in usable)


def _summarise(drawn: NDArray[np.float64]) -> tuple[float, float, float]:
    """Better end, median and worse end, as losses."""
    outside = (1 - _CONFIDENCE) / 2
    better, median, worse = (float(q) for q in np.quantile(drawn, [outside, 0.5, 1 - outside]))
    return better, median, worse


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
