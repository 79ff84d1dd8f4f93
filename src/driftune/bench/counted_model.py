"""A language model that remembers what one run asked of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, SpendLimitReached
from driftune.language_model import ScriptedLanguageModel, answer_as_tuner
from driftune.language_model.protocol import name_of, settings_of

if TYPE_CHECKING:
    from driftune.language_model import LanguageModel, Message, Reply


@dataclass
class CountedModel:
    """Passes questions on to ``inner`` and counts them.

    Attributes:
        inner: Who answers.
        calls: Questions asked, those without an answer included.
        failures: Questions without an answer.
        tokens: Read and written.
        cost_usd: US dollars; ``None`` as soon as one price is unknown.
        seconds: Wall time of the answers.
        spent_out: What the spend limit said, once it was reached.
    """

    inner: LanguageModel
    calls: int = 0
    failures: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    spent_out: str = ""
    model: str = field(init=False)
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Take over the names that caches and samplers look for."""
        self.model = name_of(self.inner)
        self.settings = settings_of(self.inner)

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Ask ``inner``; its errors are passed on."""
        self.calls += 1
        try:
            reply = self.inner.complete(messages, schema)
        except LanguageModelError as error:
            self.failures += 1
            if isinstance(error, SpendLimitReached):
                self.spent_out = str(error)
            raise
        self.tokens += reply.prompt_tokens + reply.completion_tokens
        self.seconds += reply.seconds
        unknown = self.cost_usd is None or reply.cost_usd is None
        self.cost_usd = None if unknown else self.cost_usd + reply.cost_usd  # type: ignore[operator]
        return reply


def warm_tuner(seed: int) -> ScriptedLanguageModel:
    """Return ``scripted:tuner`` with a temperature: it varies its answer to a repeated question.

    A real model does so too. Without it SLLMBO's sampler, which asks the same question until the
    incumbent changes, would get the same answer every time.

    Args:
        seed: Another seed, another series of answers.
    """
    asked = itertools.count(1)

    def answer(messages: list[Message], schema: dict[str, Any]) -> dict[str, Any]:
        # The rule's random numbers depend on how many JSON lines it is shown.
        blank = "\n".join(['{"blank": 0}'] * (next(asked) + 211 * seed))
        return answer_as_tuner([*messages, {"role": "user", "content": blank}], schema)

    return ScriptedLanguageModel(answer, model="scripted:tuner")
