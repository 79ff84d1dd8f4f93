"""Who proposed what in a study, what it brought and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.study import Study, StudyDirection

from driftune.sampler import record
from driftune.sampler.history import judge_trials

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        gain: Sum of these improvements, in units of the objective.
        share: Its part of all improvement after the warm start, 0 to 1, and 0 when there was none;
            ``None`` for the warm start itself.
        calls: Requests to the language model, repair questions included (source ``llm`` only, as
            all that follow).
        tokens: Prompt and completion tokens of these calls.
        seconds: That the model took to answer.
        cost_usd: Dollars for these calls, as far as prices are known.
        unpriced_calls: Answered calls whose price is not known.
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
        trials, goal = list(study), StudyDirection[direction.upper()]
    outcomes = judge_trials(trials, goal)
    searched_gain = sum(o.gain for o in outcomes if o.source != "warm_start")
    spent = _sum_calls(trials)
    credits = []
    for source in record.SOURCES:
        own = [outcome for outcome in outcomes if outcome.source == source]
        charges = spent if source == "llm" else {}
        if own or any(charges.get(name) for name in ("calls", "fallbacks", "vetoes")):
            credits.append(_credit(source, own, searched_gain, charges))
    return credits


def _credit(
    source: str, own: Sequence[Outcome], searched_gain: float, charges: dict[str, Any]
) -> SourceCredit:
    gain = sum(outcome.gain for outcome in own)
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


def _sum_calls(trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Add up what the trials say of the calls; the only place that knows how it is stored."""

    def total(name: str) -> Any:
        return sum(record.read_spending(trial, name) for trial in trials)

    return {
        "calls": int(total(record.CALLS)),
        "tokens": int(total(record.PROMPT_TOKENS) + total(record.COMPLETION_TOKENS)),
        "seconds": float(total(record.SECONDS)),
        "cost_usd": float(total(record.COST_USD)),
        "unpriced_calls": int(
            sum(
                record.read_spending(trial, record.CALLS)
                for trial in trials
                if record.MODEL in trial.system_attrs  # an answer came
                and record.COST_USD not in trial.system_attrs
            )
        ),
        "fallbacks": sum(record.FALLBACK in trial.system_attrs for trial in trials),
        "vetoes": int(total("driftune:vetoed")),
    }
