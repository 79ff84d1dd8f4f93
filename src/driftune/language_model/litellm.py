"""Any provider by LiteLLM's model string; the only file that imports litellm."""

from __future__ import annotations

import importlib.util
import os
import time
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, MissingPackage, SpendLimitReached
from driftune.language_model.protocol import Message, Reply
from driftune.language_model.spending import SpendLimit

if TYPE_CHECKING:
    from types import ModuleType

_BREAKER_FAILURES = 3
_LONGEST_WAIT = 60.0  # seconds; a longer Retry-After means: not during this study


class LiteLLMLanguageModel:
    """A language model behind LiteLLM, with limits on time, calls and money.

    Structured output is asked for by JSON schema. Requests are retried after a broken connection,
    a timeout and HTTP 429 alone, honouring ``Retry-After``; every other error is final. After
    three failed calls in a row the circuit is open and no further request is made. Keys come from
    the environment alone and appear neither in ``repr`` nor in an error: an error tells the kind
    and the HTTP status, never the provider's text, which may quote the key.

    Args:
        model: LiteLLM's model string, such as ``gpt-4o-mini`` or ``ollama/llama3.1``.
        timeout: Seconds for one request.
        max_retries: Further requests after a retryable error.
        max_cost_usd: Dollars for the life of this object; 0 makes no call.
        max_calls: Requests, retries included.
        max_tokens: Longest completion, in tokens; the price check assumes that all are used.
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
        max_tokens: int = 2048,
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
        self.limit = SpendLimit(max_cost_usd, max_calls)
        self._timeout = timeout
        self._max_retries = max_retries
        self._allow_unpriced = allow_unpriced
        self._api_base = api_base
        self._backoff = backoff
        self._failures = 0

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
        if self._failures >= _BREAKER_FAILURES:
            raise LanguageModelError(
                f"{self.model!r} failed {self._failures} times in a row and is not asked again."
            )
        started = time.perf_counter()
        try:
            response = self._request_with_retries(messages, schema)
            text = _read_text(response, self.model)
        except SpendLimitReached:
            raise
        except LanguageModelError:
            self._failures += 1
            raise
        self._failures = 0
        prompt_tokens, completion_tokens = _count_tokens(response)
        return Reply(
            text=text,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost_usd=self._price(prompt_tokens, completion_tokens),
            seconds=time.perf_counter() - started,
            model=self.model,
        )

    def _request_with_retries(self, messages: list[Message], schema: dict[str, Any]) -> Any:
        litellm = _import_litellm()
        import openai

        retryable = (litellm.RateLimitError, litellm.Timeout, litellm.APIConnectionError)
        worst = self._worst_price(litellm, messages)
        for attempt in range(self._max_retries + 1):
            self.limit.reserve(worst)
            try:
                response = litellm.completion(**self._arguments(messages, schema))
            except retryable as error:
                # A timed-out request may have been billed: its reservation stays.
                if not isinstance(error, litellm.Timeout):
                    self.limit.settle(worst, 0.0)
                failure = _describe(self.model, error)
                wait = _seconds_to_wait(error, self._backoff * 2**attempt)
                if attempt == self._max_retries or wait > _LONGEST_WAIT:
                    break
                time.sleep(wait)
            except openai.OpenAIError as error:  # the root of LiteLLM's errors
                self.limit.settle(worst, 0.0)
                failure = _describe(self.model, error)
                break
            else:
                self.limit.settle(worst, self._price(*_count_tokens(response)) or 0.0)
                return response
        raise LanguageModelError(failure)

    def _arguments(self, messages: list[Message], schema: dict[str, Any]) -> dict[str, Any]:
        # num_retries=0 and max_retries=0 together give exactly one request per call.
        return {
            "model": self.model,
            "messages": messages,
            "timeout": self._timeout,
            "num_retries": 0,
            "max_retries": 0,
            "max_tokens": self.settings["max_tokens"],
            "temperature": self.settings["temperature"],
            "api_base": self._api_base,
            "drop_params": True,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": True},
            },
        }

    def _worst_price(self, litellm: ModuleType, messages: list[Message]) -> float:
        tokens = int(litellm.token_counter(model=self.model, messages=messages))
        price = self._price(tokens, int(self.settings["max_tokens"]))
        if price is None and not self._allow_unpriced:
            raise SpendLimitReached(
                f"The price of {self.model!r} is unknown, so max_cost_usd cannot hold; "
                "set allow_unpriced to call it all the same."
            )
        return price or 0.0

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        litellm = _import_litellm()
        try:
            prompt, completion = litellm.cost_per_token(
                model=self.model,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
            )
        except (litellm.ModelNotMappedError, litellm.BadRequestError):
            return None
        return float(prompt + completion)


def _import_litellm() -> ModuleType:
    # Without this litellm fetches its price list at import, and hangs without a network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    module: ModuleType = litellm
    return module


def _read_text(response: Any, model: str) -> str:
    choices = getattr(response, "choices", None) or []
    text = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
    if not text:
        raise LanguageModelError(f"{model!r} answered without text.")
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


def _seconds_to_wait(error: Exception, default: float) -> float:
    # LiteLLM rebuilds the response without its headers and keeps them here.
    headers = getattr(error, "litellm_response_headers", None) or {}
    stated = str(headers.get("retry-after", ""))
    return float(stated) if stated.replace(".", "", 1).isdigit() else default
