"""Any provider by LiteLLM's model string; the only file that imports litellm."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, MissingPackage, SpendLimitReached
from driftune.language_model.breaker import CircuitBreaker
from driftune.language_model.protocol import Message, Reply
from driftune.language_model.providers import (
    openai_base,
    price_of,
    provider_of,
    takes_effort,
    takes_schema,
)
from driftune.language_model.retry_after import seconds_to_wait
from driftune.language_model.spending import SpendLimit

if TYPE_CHECKING:
    from types import ModuleType

_TALKERS = ("LiteLLM", "openai._base_client")  # who log an error with its traceback at DEBUG
_LONGEST_WAIT = 60.0  # seconds; a longer Retry-After means: not during this study


class LiteLLMLanguageModel:
    """A language model behind LiteLLM, with limits on time, calls and money.

    Structured output is asked for by JSON schema where the provider has it; else, and after a
    provider has refused the schema, it is part of the messages. Requests are retried after a
    broken connection, a timeout and HTTP 429 alone, honouring ``Retry-After``; every other error
    is final. After three failed calls in a row the circuit is open and no further request is made.
    Keys come from the environment alone and appear neither in ``repr`` nor in an error: an error
    tells the kind and the HTTP status, never the provider's text, which may quote the key. Threads
    may ask at once.

    Args:
        model: LiteLLM's model string, such as ``gpt-5-mini`` or ``ollama/llama3.1``.
        timeout: Seconds for one request.
        max_retries: Further requests after a retryable error.
        max_cost_usd: Dollars for the life of this object; 0 makes no call.
        max_calls: Requests, retries included.
        limit: Takes the place of ``max_cost_usd`` and ``max_calls``, to share one between models.
        max_tokens: Longest completion, in tokens, reasoning included; the price check assumes
            that all are used. Models that reason unasked are told to do it briefly.
        temperature: Sampling temperature; ``None`` leaves the provider's own.
        allow_unpriced: Call models whose price LiteLLM does not know; their cost is ``None``.
        api_base: URL of an OpenAI-compatible server instead of the provider's own.
        backoff: Seconds before the first retry; doubles each time.

    Raises:
        MissingPackage: If litellm is not installed.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings
        self,
        model: str,
        *,
        timeout: float = 60.0,
        max_retries: int = 2,
        max_cost_usd: float = 1.0,
        max_calls: int = 25,
        limit: SpendLimit | None = None,
        max_tokens: int = 4096,
        temperature: float | None = None,
        allow_unpriced: bool = False,
        api_base: str | None = None,
        backoff: float = 0.5,
    ) -> None:
        if importlib.util.find_spec("litellm") is None:
            raise MissingPackage(
                f"The language model {model!r} needs litellm: "
                'pip install "driftune[llm]", or set the language model to "none".'
            )
        self.model = model
        self.settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature}
        self.limit = SpendLimit(max_cost_usd, max_calls) if limit is None else limit
        self._timeout = timeout
        self._max_retries = max_retries
        self._allow_unpriced = allow_unpriced
        self._api_base = api_base
        self._backoff = backoff
        self._breaker = CircuitBreaker(model)
        self._schema_refused = False

    def __repr__(self) -> str:
        """Name the model and nothing that could hold a secret."""
        return f"LiteLLMLanguageModel(model={self.model!r})"

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Ask the model.

        Raises:
            SpendLimitReached: Before any request that could exceed a limit, or whose price is
                unknown.
            LanguageModelError: If there is no answer, or the circuit is open.
        """
        if self.limit.max_cost_usd == 0:
            self.limit.reserve(0.0)  # raises before litellm is even imported
        self._breaker.check()
        started = time.perf_counter()
        try:
            response, lost_usd = self._request_with_retries(messages, schema)
            prompt_tokens, completion_tokens = _count_tokens(response)
            price = self._price(prompt_tokens, completion_tokens)
            cost_usd = None if price is None else price + lost_usd
            text = _read_text(response, self.model, cost_usd or 0.0)
        except SpendLimitReached:
            raise
        except LanguageModelError:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return Reply(
            text=text,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost_usd=cost_usd,
            seconds=time.perf_counter() - started,
            model=self.model,
        )

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """US dollars if every retry is made and billed with the longest completion.

        Raises:
            SpendLimitReached: If the price is unknown and ``allow_unpriced`` is off.
        """
        return self._worst_price(messages, schema) * (self._max_retries + 1)

    def _request_with_retries(
        self, messages: list[Message], schema: dict[str, Any]
    ) -> tuple[Any, float]:
        """Return the response, and the dollars that timed-out requests may have cost."""
        litellm = import_litellm()
        import openai

        retryable = (litellm.RateLimitError, litellm.Timeout, litellm.APIConnectionError)
        worst = self._worst_price(messages, schema)
        lost = 0.0
        for attempt in range(self._max_retries + 1):
            structured = not self._schema_refused and takes_schema(litellm, self.model)
            self.limit.reserve(worst)
            try:
                response = litellm.completion(**self._arguments(messages, schema, structured))
            except retryable as error:
                # A timed-out request may have been billed: its reservation stays.
                if isinstance(error, litellm.Timeout):
                    lost += worst
                else:
                    self.limit.settle(worst, 0.0)
                failure = _describe(self.model, error)
                wait = seconds_to_wait(error, self._backoff * 2**attempt)
                if attempt == self._max_retries or wait > _LONGEST_WAIT:
                    break
                time.sleep(wait)
            except openai.OpenAIError as error:  # the root of LiteLLM's errors
                self.limit.settle(worst, 0.0)
                failure = _describe(self.model, error)
                if not (structured and isinstance(error, litellm.BadRequestError)):
                    break
                self._schema_refused = True  # another request, not the same once more
            else:
                self.limit.settle(worst, self._price(*_count_tokens(response)) or 0.0)
                return response, lost
        raise LanguageModelError(failure, cost_usd=lost)

    def _arguments(
        self, messages: list[Message], schema: dict[str, Any], structured: bool
    ) -> dict[str, Any]:
        litellm = import_litellm()
        arguments = {
            "model": self.model,
            "messages": messages if structured else _with_schema(messages, schema),
            "timeout": self._timeout,
            # Together these two give exactly one request per call.
            "num_retries": 0,
            "max_retries": 0,
            "max_tokens": self.settings["max_tokens"],
            "temperature": self.settings["temperature"],
            "api_base": self._api_base,
            "drop_params": True,
        }
        if structured:
            answer = {"name": "answer", "schema": schema, "strict": True}
            arguments["response_format"] = {"type": "json_schema", "json_schema": answer}
        if takes_effort(litellm, self.model):
            arguments["reasoning_effort"] = "low"
        if self._api_base or openai_base():
            if provider_of(litellm, self.model) == "openai" and not os.getenv("OPENAI_API_KEY"):
                arguments["api_key"] = "none"  # the client insists on one, a local server does not
        return arguments

    def _worst_price(self, messages: list[Message], schema: dict[str, Any]) -> float:
        litellm = import_litellm()
        # Providers bill the schema too, wherever it is sent.
        asked = _with_schema(messages, schema)
        tokens = int(litellm.token_counter(model=self.model, messages=asked))
        price = self._price(tokens, int(self.settings["max_tokens"]))
        if price is None and not self._allow_unpriced:
            raise SpendLimitReached(
                f"The price of {self.model!r} is unknown, so max_cost_usd cannot hold; "
                "set allow_unpriced to call it all the same."
            )
        return price or 0.0

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        return price_of(import_litellm(), self.model, prompt_tokens, completion_tokens)


def _leave_out_traceback(record: logging.LogRecord) -> bool:
    """Keep the message and drop the error itself: a provider's text may quote the key."""
    record.exc_info = record.exc_text = None
    return True


def import_litellm() -> ModuleType:
    """Import litellm, offline and quiet; the first time takes seconds."""
    # Without this litellm fetches its price list at import, and hangs without a network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    for name in _TALKERS:
        logging.getLogger(name).addFilter(_leave_out_traceback)
    module: ModuleType = litellm
    return module


def _with_schema(messages: list[Message], schema: dict[str, Any]) -> list[Message]:
    """Append the schema to the last message, so that what a provider has cached stays the same."""
    *before, last = messages
    text = f"{last['content']}\nAnswer with one JSON document by this schema:\n{json.dumps(schema)}"
    return [*before, {**last, "content": text}]


def _read_text(response: Any, model: str, cost_usd: float) -> str:
    choices = getattr(response, "choices", None) or []
    text = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
    if not text:
        raise LanguageModelError(f"{model!r} answered without text.", cost_usd=cost_usd)
    return str(text)


def _count_tokens(response: Any) -> tuple[int, int]:
    usage = getattr(response, "usage", None)
    return (
        int(getattr(usage, "prompt_tokens", 0) or 0),
        int(getattr(usage, "completion_tokens", 0) or 0),
    )


def _describe(model: str, error: Exception) -> str:
    status = getattr(error, "status_code", None)
    return f"{model!r} did not answer: {type(error).__name__}" + (f" ({status})" if status else "")
