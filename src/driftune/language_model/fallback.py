"""A second model that is asked when the first does not answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, SpendLimitReached, UsageError
from driftune.language_model.protocol import name_of, settings_of, worst_cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.language_model.protocol import LanguageModel, Message, Reply


class FallbackLanguageModel:
    """Asks its models in order until one answers.

    A model that fails again and again is skipped by its own circuit breaker. When a spend limit is
    reached the question ends there: the next model is not a way around it.

    >>> from driftune.language_model import ScriptedLanguageModel
    >>> first = ScriptedLanguageModel([LanguageModelError("down")], model="first")
    >>> both = FallbackLanguageModel([first, ScriptedLanguageModel(["yes"], model="second")])
    >>> both.complete([{"role": "user", "content": "Anyone?"}], {}).model
    'second'

    Args:
        models: At least one, the preferred one first.

    Raises:
        UsageError: If there is none.
    """

    def __init__(self, models: Sequence[LanguageModel]) -> None:
        if not models:
            raise UsageError("FallbackLanguageModel needs at least one model; 0 were given.")
        self.models = list(models)
        self.model = ", ".join(map(name_of, self.models))
        self.settings: dict[str, Any] = {
            name_of(model): settings_of(model) for model in self.models
        }

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Return the first answer; it names the model that gave it.

        Raises:
            SpendLimitReached: From the model that was asked last.
            LanguageModelError: If none answers; tells what each said.
        """
        failures, lost = [], 0.0
        for model in self.models:
            try:
                reply = model.complete(messages, schema)
            except SpendLimitReached:
                raise
            except LanguageModelError as error:
                failures.append(str(error))
                lost += error.cost_usd
            else:
                if reply.cost_usd is None or not lost:
                    return reply
                return replace(reply, cost_usd=reply.cost_usd + lost)
        raise LanguageModelError("; ".join(failures), cost_usd=lost)

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """US dollars if every model is asked in vain but the last: the sum over the models."""
        return sum(worst_cost_of(model, messages, schema) for model in self.models)
