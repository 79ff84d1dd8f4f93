"""From the name in a setting to a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.errors import UsageError, close_match
from driftune.language_model.cached import CachedLanguageModel
from driftune.language_model.litellm import LiteLLMLanguageModel
from driftune.language_model.scripted import ScriptedLanguageModel
from driftune.language_model.scripted_tuner import answer_as_tuner

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.language_model.protocol import LanguageModel

_SCRIPTED = {"scripted:tuner": answer_as_tuner}


def open_language_model(
    spec: str | None,
    *,
    cache_folder: str | Path | None = None,
    max_cost_usd: float = 1.0,
    max_calls: int = 25,
    allow_unpriced: bool = False,
) -> LanguageModel | None:
    """Open the language model that a setting names.

    >>> open_language_model("none") is None
    True
    >>> open_language_model("scripted:tuner").model
    'scripted:tuner'

    Args:
        spec: ``None`` or ``"none"`` for no language model; ``"scripted:tuner"`` for the rule of
            thumb that stands in for one; else LiteLLM's model string, such as ``gpt-4o-mini``.
        cache_folder: Keep and replay replies there; ``None`` keeps none. Scripted models are not
            cached.
        max_cost_usd: Dollars that may be spent; 0 makes no call.
        max_calls: Requests that may be made.
        allow_unpriced: Call models whose price is unknown.

    Raises:
        UsageError: If ``spec`` names a scripted model that does not exist.
        MissingPackage: If litellm is needed and not installed.
    """
    if spec is None or spec.strip().lower() in ("", "none"):
        return None
    if spec.startswith("scripted:"):
        if spec not in _SCRIPTED:
            raise UsageError(f"No scripted model {spec!r}.{close_match(spec, _SCRIPTED)}")
        return ScriptedLanguageModel(_SCRIPTED[spec], model=spec)
    model = LiteLLMLanguageModel(
        spec, max_cost_usd=max_cost_usd, max_calls=max_calls, allow_unpriced=allow_unpriced
    )
    return model if cache_folder is None else CachedLanguageModel(model, cache_folder)
