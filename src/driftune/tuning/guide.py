"""The default sampler of a study: LLM-TPE, warm-started, told about the table in numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.errors import SpendLimitReached

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel, Message, Reply
    from driftune.sampler import LLMTPESampler
    from driftune.tuning.budget import Budget
    from driftune.tuning.space import SearchSpace

COST = "driftune:cost_usd"  # trial system attribute of the sampler: dollars for its calls


def default_sampler(
    *,
    space: SearchSpace,
    warm_start: Sequence[Mapping[str, Any]],
    card: Mapping[str, Any],
    budget: Budget,
    language_model: LanguageModel | str | None,
    trials: Sequence[FrozenTrial],
    seed: int,
) -> LLMTPESampler:
    """LLM-TPE that first runs the warm start.

    Args:
        space: The hard limits.
        warm_start: What to run first, see :func:`driftune.tuning.starters.starters`.
        card: Summary of the table, see :func:`driftune.tuning.data_card.data_card`.
        budget: Limits the calls and the dollars of the language model.
        language_model: A model, the name of one, or ``None``.
        trials: What the study holds already.
        seed: Of the sampler. A resumed study draws on, it does not repeat its first numbers.
    """
    from driftune.sampler import LLMTPESampler

    spent = sum(float(trial.system_attrs.get(COST, 0.0)) for trial in trials)
    return LLMTPESampler(
        language_model=_within(budget, language_model, spent),
        warm_start=warm_start,
        search_space=space.distributions(),
        data_card=json.dumps(card),
        metric=str(card["metric"]),
        max_model_calls=_no_limit(budget.max_llm_calls),
        seed=seed + len(trials),
    )


def _within(
    budget: Budget, language_model: LanguageModel | str | None, spent: float
) -> LanguageModel | None:
    """The language model held to the budget, or ``None`` when the budget allows no call."""
    if language_model is None or not budget.allows_language_model:
        return None
    if isinstance(language_model, str):
        from driftune.language_model import open_language_model

        cost = budget.max_llm_cost_usd
        opened = open_language_model(
            language_model,
            max_cost_usd=float("inf") if cost is None else max(0.0, cost - spent),
            max_calls=_no_limit(budget.max_llm_calls),
        )
        if opened is None:
            return None
        language_model = opened
    if budget.max_llm_cost_usd is None:
        return language_model
    return CappedLanguageModel(language_model, budget.max_llm_cost_usd, spent)


def _no_limit(calls: int | None) -> int:
    return 1_000_000 if calls is None else calls


@dataclass
class CappedLanguageModel:
    """A language model that falls silent when its dollars are spent.

    Args:
        inner: Whom to ask.
        max_cost_usd: Dollars for the whole study; the call that passes the limit is the last.
        spent_usd: Dollars spent so far.
    """

    inner: LanguageModel
    max_cost_usd: float
    spent_usd: float = 0.0

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Ask, unless the money is spent.

        Raises:
            SpendLimitReached: Nothing is left of ``budget.max_llm_cost_usd``.
        """
        if self.spent_usd >= self.max_cost_usd:
            raise SpendLimitReached(
                f"{self.spent_usd:.4f} USD are spent and budget.max_llm_cost_usd is "
                f"{self.max_cost_usd:g}; the search goes on without the language model."
            )
        reply = self.inner.complete(messages, schema)
        self.spent_usd += reply.cost_usd or 0.0
        return reply
