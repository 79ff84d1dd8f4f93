"""The seam to any language model: one method, what it returns, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Message = dict[str, str]
"""One chat message: ``{"role": "system" | "user" | "assistant", "content": text}``."""


@dataclass(frozen=True)
class Reply:
    """One answer of a language model and what it took.

    Args:
        text: The answer as it came; JSON when the model kept to the schema, anything otherwise.
        prompt_tokens: Tokens that were read, as the provider counts them; 0 when it does not say.
        completion_tokens: Tokens that were written.
        cost_usd: US dollars for this call; ``None`` when the price of the model is unknown.
        seconds: Wall time of the call, retries included.
        model: The model that answered.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    model: str = ""


@runtime_checkable
class LanguageModel(Protocol):
    """Whatever can answer messages with JSON by a schema.

    Implementations raise ``LanguageModelError`` (or one of its subclasses, such as
    ``SpendLimitReached``) when there is no answer: callers treat that, and only that, as a silent
    model. Any other exception is a defect and is not caught.
    """

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Answer ``messages``; the text should be a JSON document that fits ``schema``."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A language model that can say beforehand what a question may cost. Optional.

    Who asks over several processes sets this amount aside where all of them see it, before the
    call, and replaces it by the reply's ``cost_usd`` afterwards: then a limit holds over all of
    them, and over a crash in between. A model without this method costs nothing.
    """

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """Most US dollars that ``complete(messages, schema)`` can cost, retries included.

        Raises:
            SpendLimitReached: If the price is unknown and unknown prices are not allowed.
        """
        ...


def name_of(model: Any) -> str:
    """Return the name that a model gives itself in ``model``, else its class's."""
    return str(getattr(model, "model", type(model).__name__))


def settings_of(model: Any) -> dict[str, Any]:
    """Return a copy of what shapes a model's answers, from ``settings`` if it has that."""
    return dict(getattr(model, "settings", {}))


def worst_cost_of(model: Any, messages: list[Message], schema: dict[str, Any]) -> float:
    """Return the most US dollars that a question can cost; 0 for a model without prices.

    Raises:
        SpendLimitReached: From a model with prices, see ``Priced``.
    """
    return model.worst_cost(messages, schema) if isinstance(model, Priced) else 0.0
