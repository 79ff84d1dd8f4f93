"""The default sampler of a study: LLM-TPE, warm-started, told about the table in numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel
    from driftune.sampler import LLMTPESampler
    from driftune.tuning.budget import Budget
    from driftune.tuning.space import SearchSpace


TPE_EVERY = 3  # of the trials of a study: cheap where trials race, and the process is not alone


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
    from driftune.sampler import DynamicSpace, LLMTPESampler
    from driftune.sampler.partner import AutoSampler

    calls = 1_000_000 if budget.max_llm_calls is None else budget.max_llm_calls
    seed += len(trials)
    return LLMTPESampler(
        partner=AutoSampler(seed=seed, tpe_every=TPE_EVERY),
        language_model=_open(budget, language_model, calls),
        warm_start=warm_start,
        search_space=space.distributions(),
        dynamic_space=DynamicSpace(start=space.start) if space.start else None,
        data_card=json.dumps({**card, **_conditions(space)}),
        metric=str(card["metric"]),
        max_model_calls=calls,
        max_cost_usd=budget.max_llm_cost_usd,
        seed=seed,
    )


def _conditions(space: SearchSpace) -> dict[str, Any]:
    """Which parameters exist only beside certain values of others, for whoever proposes."""
    if not space.when:
        return {}
    written = {
        name: {parent: condition.to_yaml() for parent, condition in parents.items()}
        for name, parents in space.when.items()
    }
    return {"parameters_that_exist_only_when": written}


def _open(
    budget: Budget, language_model: LanguageModel | str | None, calls: int
) -> LanguageModel | None:
    """The language model, or ``None`` when the budget allows no call: then none is even opened."""
    if not budget.allows_language_model:
        return None
    if not isinstance(language_model, str):
        return language_model
    from driftune.language_model import open_language_model

    cost = budget.max_llm_cost_usd
    most = float("inf") if cost is None else cost
    return open_language_model(language_model, max_cost_usd=most, max_calls=calls)
