"""What LiteLLM knows about a model: provider, price, structured output.

Every function takes the module ``litellm``, which ``litellm.py`` alone imports.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

SELF_HOSTED = ("hosted_vllm", "llamafile", "lm_studio", "ollama", "ollama_chat")
"""Servers that the user runs: no key and no price, and all of them take a JSON schema."""

_THINKS_UNASKED = ("openai", "azure", "gemini", "vertex_ai")


def provider_of(litellm: ModuleType, model: str) -> str | None:
    """The provider that LiteLLM would call for ``model``; ``None`` when it knows none."""
    try:
        return str(litellm.get_llm_provider(model)[1])
    except litellm.BadRequestError:
        return None


def openai_base() -> str | None:
    """URL of an OpenAI-compatible server that the environment names instead of OpenAI's own."""
    return os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")


def takes_schema(litellm: ModuleType, model: str) -> bool:
    """Whether ``model`` can be held to a JSON schema."""
    supported: bool = litellm.supports_response_schema(model)
    return supported or provider_of(litellm, model) in SELF_HOSTED


def takes_effort(litellm: ModuleType, model: str) -> bool:
    """Whether ``model`` reasons without being asked to, and can be told to do it briefly."""
    if provider_of(litellm, model) not in _THINKS_UNASKED:
        return False
    return "reasoning_effort" in (litellm.get_supported_openai_params(model) or ())


def price_of(
    litellm: ModuleType, model: str, prompt_tokens: int, completion_tokens: int
) -> float | None:
    """US dollars for a call; ``None`` when LiteLLM's price list does not hold the model.

    LiteLLM gives a price of 0 for some names that it does not know, such as a ``claude-`` of the
    future: 0 counts only for models that are listed at 0 and for the user's own servers.
    """
    if provider_of(litellm, model) in SELF_HOSTED:
        return 0.0
    try:
        prompt, completion = litellm.cost_per_token(
            model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
        )
        listed = litellm.get_model_info(model)["key"] in litellm.model_cost
    except (litellm.ModelNotMappedError, litellm.BadRequestError):
        return None
    return float(prompt + completion) if listed else None
