"""Did the language model earn its money? Trials, gains and cost by source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.study import Study, StudyDirection

from driftune.sampler import record
from driftune.sampler.history import judge_trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class SourceCredit:
    """What one source did in a study.

    Args:
        source: One of ``SOURCES``.
        trials: Finished trials that it proposed.
        completed: Those with a value that break no constraint.
        improvements: Those that beat the incumbent of their time.
        gain: Sum of these improvements, in units of the objective.
        calls: Questions to the language model (source ``llm`` only).
        tokens: Prompt and completion tokens of these calls.
        cost_usd: Dollars for these calls, as far as prices are known.
        fallbacks: Turns of the model that the partner had to take.
    """

    source: str
    trials: int
    completed: int
    improvements: int
    gain: float
    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    fallbacks: int = 0


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
    spent = _sum_calls(trials)
    credits = []
    for source in record.SOURCES:
        own = [outcome for outcome in outcomes if outcome.source == source]
        charges = spent if source == "llm" else {}
        if own or charges.get("calls") or charges.get("fallbacks"):
            credits.append(
                SourceCredit(
                    source=source,
                    trials=len(own),
                    completed=sum(outcome.usable for outcome in own),
                    improvements=sum(outcome.gain > 0 for outcome in own),
                    gain=sum(outcome.gain for outcome in own),
                    **charges,
                )
            )
    return credits


def _sum_calls(trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    def total(name: str) -> Any:
        return sum(record.read_spending(trial, name) for trial in trials)

    return {
        "calls": total(record.CALLS),
        "tokens": total(record.PROMPT_TOKENS) + total(record.COMPLETION_TOKENS),
        "cost_usd": float(total(record.COST_USD)),
        "fallbacks": sum(record.FALLBACK in trial.system_attrs for trial in trials),
    }
