"""Who proposed what in a study, what it brought and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from optuna.study import Study

from driftune.sampler import record
from driftune.sampler.history import judge_trials, read_direction
from driftune.sampler.purse import count_spending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optuna.trial import FrozenTrial

    from driftune.sampler.history import Outcome


@dataclass(frozen=True)
class SourceCredit:
    """What one source did in a study.

    Args:
        source: One of ``SOURCES``.
        trials: Finished trials that it proposed.
        completed: Those with a value that break no constraint.
        improvements: Those that beat the incumbent of their time.
        gain: Sum of these improvements, in units of the objective; the first finite value improves
            on nothing.
        share: Its part of all improvement after the warm start, 0 to 1, and 0 when there was none;
            ``None`` for the warm start itself.
        calls: Requests to the language model, repair questions included (source ``llm`` only, as
            all that follow).
        tokens: Prompt and completion tokens of these calls.
        seconds: That the model took to answer.
        cost_usd: Dollars for these calls, as far as prices are known.
        unpriced_calls: Answered calls whose price is not known.
        unheard_calls: Calls set aside for questions that ended unheard, in a process that was
            killed or a study that was over: at most these came on top of ``calls``.
        unheard_usd: Dollars set aside for them, at their highest price.
        fallbacks: Turns of the model that the partner had to take.
        vetoes: Proposals that were not run because the partner's model rated them hopeless.
    """

    source: str
    trials: int
    completed: int
    improvements: int
    gain: float
    share: float | None = None
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    unheard_calls: int = 0
    unheard_usd: float = 0.0
    fallbacks: int = 0
    vetoes: int = 0


def credit_by_source(
    study: Study | Sequence[FrozenTrial], *, direction: str = "minimize"
) -> list[SourceCredit]:
    """Account for a study's trials by who proposed them.

    Calls that ended in a fallback are charged to ``llm`` although another source ran the trial.

    Args:
        study: A study, or its trials.
        direction: "minimize" or "maximize"; read from the study when there is one.

    Returns:
        One entry per source that had a trial or a call, in the order of ``SOURCES``.
    """
    if isinstance(study, Study):
        trials, goal = study.get_trials(deepcopy=False), study.direction
    else:
        trials, goal = list(study), read_direction(direction)
    outcomes = judge_trials(trials, goal)
    searched_gain = _sum_gains(o for o in outcomes if o.source != "warm_start")
    spent = _sum_calls(trials)
    credits = []
    for source in record.SOURCES:
        own = [outcome for outcome in outcomes if outcome.source == source]
        charges = spent if source == "llm" else {}
        if own or any(charges.values()):
            credits.append(_credit(source, own, searched_gain, charges))
    return credits


def _credit(
    source: str, own: Sequence[Outcome], searched_gain: float, charges: dict[str, Any]
) -> SourceCredit:
    gain = _sum_gains(own)
    share = gain / searched_gain if searched_gain > 0 else 0.0
    return SourceCredit(
        source=source,
        trials=len(own),
        completed=sum(outcome.usable for outcome in own),
        improvements=sum(outcome.gain > 0 for outcome in own),
        gain=gain,
        share=None if source == "warm_start" else share,
        **charges,
    )


def _sum_gains(outcomes: Iterable[Outcome]) -> float:
    return sum(outcome.gain for outcome in outcomes if isfinite(outcome.gain))


def _sum_calls(trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Add up what the trials say of the calls; the only place that knows how it is stored."""

    def total(name: str) -> Any:
        return sum(record.read_spending(trial, name) for trial in trials)

    calls, cost_usd = total(record.CALLS), total(record.COST_USD)
    most_calls, most_usd = count_spending(trials)  # with what is set aside
    return {
        "calls": int(calls),
        "tokens": int(total(record.PROMPT_TOKENS) + total(record.COMPLETION_TOKENS)),
        "seconds": float(total(record.SECONDS)),
        "cost_usd": float(cost_usd),
        "unheard_calls": max(0, most_calls - int(calls)),
        "unheard_usd": max(0.0, float(most_usd - cost_usd)),
        "unpriced_calls": int(
            sum(
                record.read_spending(trial, record.CALLS)
                for trial in trials
                if record.MODEL in trial.system_attrs  # an answer came
                and record.COST_USD not in trial.system_attrs
            )
        ),
        "fallbacks": sum(record.FALLBACK in trial.system_attrs for trial in trials),
        "vetoes": int(total(record.VETOED)),
    }
