"""A stand-in that answers from a list or a function and remembers what it was asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError
from driftune.language_model.lock import FreshLock
from driftune.language_model.protocol import Message, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answer = str | dict[str, Any] | Exception
"""Text as is; a dict, which is sent as JSON; or an exception, which is raised."""


class ScriptedLanguageModel:
    """Not a language model: it says what it was told to say, in order, at no cost.

    For tests, for documentation, and for runs with no key and no network. Threads may ask at once:
    each gets an answer of its own from a list; a function is called by all of them as they come.

    >>> model = ScriptedLanguageModel([{"proposals": []}, "hello"])
    >>> model.complete([{"role": "user", "content": "first?"}], {}).text
    '{"proposals": []}'
    >>> model.complete([{"role": "user", "content": "second?"}], {}).text
    'hello'
    >>> [messages[-1]["content"] for messages in model.asked]
    ['first?', 'second?']

    Args:
        replies: Answers in order, or a function of ``(messages, schema)`` that returns one. After
            the last answer of a list every call raises ``LanguageModelError``.
        model: The name that replies carry.
    """

    def __init__(
        self,
        replies: Sequence[Answer] | Callable[[list[Message], dict[str, Any]], Answer],
        *,
        model: str = "scripted",
    ) -> None:
        self._replies = replies if callable(replies) else list(replies)
        self.model = model
        self.settings: dict[str, Any] = {}
        self.asked: list[list[Message]] = []
        self._lock = FreshLock()

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Return the next answer; tokens are counted as words, for want of a tokenizer."""
        with self._lock:
            position = len(self.asked)
            self.asked.append([dict(message) for message in messages])
        answer = self._answer(position, messages, schema)
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        words = sum(len(message["content"].split()) for message in messages)
        return Reply(
            text, prompt_tokens=words, completion_tokens=len(text.split()), model=self.model
        )

    def _answer(self, position: int, messages: list[Message], schema: dict[str, Any]) -> Answer:
        if callable(self._replies):
            return self._replies(messages, schema)
        if position >= len(self._replies):
            raise LanguageModelError(
                f"The scripted model has {len(self._replies)} answers and was asked for answer "
                f"{position + 1}; give it more replies or a function."
            )
        return self._replies[position]
