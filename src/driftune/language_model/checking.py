"""Says at the start what is wrong with the name of a model, or which key is missing."""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

from driftune.errors import MissingKey, UsageError, close_match
from driftune.language_model.litellm import import_litellm
from driftune.language_model.providers import SELF_HOSTED, openai_base, price_of, provider_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

_logger = logging.getLogger(__name__)
_OTHER_CREDENTIALS = ("azure", "bedrock", "sagemaker", "vertex_ai")  # roles, profiles, files


def check_model(model: str, *, allow_unpriced: bool = False) -> None:
    """Import litellm, which takes seconds, and look whether ``model`` can be asked; asks nothing.

    Args:
        model: LiteLLM's model string.
        allow_unpriced: Do not mind an unknown price.

    Raises:
        MissingKey: If the provider's key is not in the environment; names the variable.
        UsageError: If LiteLLM knows no provider of ``model``, or there is no price.
    """
    litellm = import_litellm()
    provider = provider_of(litellm, model)
    if provider is None:
        raise UsageError(_unknown(litellm, model))
    if missing := _missing_key(litellm, model, provider):
        raise MissingKey(
            f"The language model {model!r} needs {missing} in the environment; "
            'set it, or set the language model to "none".'
        )
    if not allow_unpriced and price_of(litellm, model, 1, 1) is None:
        _refuse_unpriced(litellm, model, provider)


def _unknown(litellm: ModuleType, model: str) -> str:
    prefix, slash, rest = model.partition("/")
    if slash:
        nearest = get_close_matches(prefix, _provider_names(litellm), n=1)
        guess = _did_you_mean(model, [f"{name}/{rest}" for name in nearest])
    else:
        guess = _did_you_mean(model, _chat_models(litellm))
    return (
        f"LiteLLM knows no provider of the language model {model!r}.{guess} A model of an "
        f"OpenAI-compatible server is written 'openai/{rest or model}', with OPENAI_API_BASE set."
    )


def _missing_key(litellm: ModuleType, model: str, provider: str) -> str | None:
    if provider == "vertex_ai" and "/" not in model:
        known = ("VERTEXAI_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS")
        if any(os.environ.get(name) for name in known):
            return None
        return f"VERTEXAI_PROJECT (with a GEMINI_API_KEY instead, write 'gemini/{model}')"
    if provider in (*SELF_HOSTED, *_OTHER_CREDENTIALS) or (provider == "openai" and openai_base()):
        return None
    missing = litellm.validate_environment(model)["missing_keys"]
    return " or ".join(missing) or None


def _refuse_unpriced(litellm: ModuleType, model: str, provider: str) -> None:
    if provider == "openai" and openai_base():
        _logger.warning(
            "The price of %r is unknown: it is not asked until allow_unpriced is set.", model
        )
        return
    guess = _did_you_mean(model, _chat_models(litellm))
    raise UsageError(
        f"LiteLLM knows no price of the language model {model!r}, so max_cost_usd cannot hold."
        f"{guess} If the name is right, set allow_unpriced to ask it all the same."
    )


def _chat_models(litellm: ModuleType) -> list[str]:
    kinds = ("chat", "responses")
    return [name for name, facts in litellm.model_cost.items() if facts.get("mode") in kinds]


def _provider_names(litellm: ModuleType) -> list[str]:
    return [str(getattr(provider, "value", provider)) for provider in litellm.provider_list]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    # close_match lists all that is known when nothing is near: here that is thousands.
    return close_match(name, get_close_matches(name, list(known), n=1))
