"""Calls and dollars of a study, counted on its trials: they hold over workers and crashes."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from driftune.sampler import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study
    from optuna.trial import FrozenTrial

_CALLS_PER_QUESTION = 2  # the question and one repair


@dataclass(frozen=True)
class Purse:
    """What a study may spend on its language model.

    A question is paid before it is asked, at its highest price, by a note on the trial that asks;
    what it really took is noted with the answer and replaces that. A question whose process was
    killed stays paid. Two workers that reach for the last call at once both see both notes, and
    both give up: the limits are never passed, at worst a call is lost.

    Args:
        max_calls: Requests to the model, repair questions included.
        max_cost_usd: Dollars; ``None`` for no limit, 0 for no call at all.
    """

    max_calls: int
    max_cost_usd: float | None = None

    def can_pay(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether a further call is within the limits, as far as its price is not known yet."""
        if self.max_cost_usd is not None and self.max_cost_usd <= 0:
            return False
        calls, cost = count_spending(trials)
        return calls < self.max_calls and cost < self._most_usd

    def pay(self, study: Study, trial: FrozenTrial, worst_usd: float) -> tuple[str, int]:
        """Reserve a question for ``trial``.

        Args:
            study: The study.
            trial: The running trial that asks.
            worst_usd: Most dollars of one request.

        Returns:
            The question's id and the requests it may make: 2, 1, or 0 if the limits allow none.
        """
        asked = record.read_list(trial, record.ASKED)
        question = f"{trial.number}.{len(asked)}"
        for calls in range(_CALLS_PER_QUESTION, -1, -1):
            note = {"id": question, "calls": calls, "worst_usd": calls * worst_usd}
            record.record(study, trial, {record.ASKED: [*asked, note]})
            total, cost = count_spending(record.read_trials(study))
            if calls == 0 or (total <= self.max_calls and cost <= self._most_usd):
                return question, calls
        raise AssertionError("a question of no calls is always within the limits")

    @property
    def _most_usd(self) -> float:
        return inf if self.max_cost_usd is None else self.max_cost_usd


def count_spending(trials: Sequence[FrozenTrial]) -> tuple[int, float]:
    """Return calls and dollars of all questions: what they took, else what was reserved."""
    calls, cost = 0, 0.0
    asked: list[dict[str, Any]] = []
    answered: set[str] = set()
    for trial in trials:
        if record.ANSWERED in trial.system_attrs:
            answered.update(record.read_list(trial, record.ANSWERED))
            calls += int(record.read_spending(trial, record.CALLS))
            cost += record.read_spending(trial, record.COST_USD)
        if record.ASKED in trial.system_attrs:
            asked.extend(record.read_list(trial, record.ASKED))
    for note in asked:
        if note["id"] not in answered:
            calls += note["calls"]
            cost += note["worst_usd"]
    return calls, cost
