"""From the name in a setting to a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.errors import UsageError, close_match
from driftune.language_model.cached import CachedLanguageModel
from driftune.language_model.checking import check_model
from driftune.language_model.fallback import FallbackLanguageModel
from driftune.language_model.litellm import LiteLLMLanguageModel
from driftune.language_model.local import LocalLanguageModel
from driftune.language_model.scripted import ScriptedLanguageModel
from driftune.language_model.scripted_tuner import answer_as_tuner
from driftune.language_model.spending import SpendLimit

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.language_model.protocol import LanguageModel

_Opened = LiteLLMLanguageModel | LocalLanguageModel | ScriptedLanguageModel
_SCRIPTED = {"scripted:tuner": answer_as_tuner}
_REPLAY = "replay:"


def open_language_model(
    spec: str | None,
    *,
    cache_folder: str | Path | None = None,
    max_cost_usd: float = 1.0,
    max_calls: int = 25,
    allow_unpriced: bool = False,
) -> LanguageModel | None:
    """Open the language model that a setting names, and say at once if it cannot be asked.

    >>> open_language_model("none") is None
    True
    >>> open_language_model("scripted:tuner").model
    'scripted:tuner'

    Args:
        spec: One of these, or several between commas, which are asked in order until one answers:

            - LiteLLM's model string, such as ``gpt-5-mini``, ``claude-haiku-4-5``,
              ``gemini/gemini-2.5-flash``, ``ollama/llama3.1``, or ``openai/NAME`` with
              ``OPENAI_API_BASE`` set for an OpenAI-compatible server;
            - ``local``, a small model on this machine, or ``local:PATH`` for a GGUF file;
            - ``scripted:tuner``, the rule of thumb that stands in for a model.

            ``None`` or ``"none"`` is no language model. ``replay:`` before any of these asks
            nobody: replies come from ``cache_folder`` alone, and no key is needed.
        cache_folder: Keep and replay replies there; ``None`` keeps none. A scripted model alone is
            not cached.
        max_cost_usd: Dollars that may be spent, over all models of ``spec``; 0 makes no call.
        max_calls: Requests that may be made, over all models of ``spec``.
        allow_unpriced: Call models whose price is unknown.

    Raises:
        UsageError: If ``spec`` is misspelt, the provider's key is not in the environment, the price
            is unknown and not allowed to be, or there is no folder to replay from.
        MissingPackage: If litellm or xllamacpp is needed and not installed.
    """
    if spec is None or spec.strip().lower() in ("", "none"):
        return None
    limit = SpendLimit(max_cost_usd, max_calls)
    replay = spec.startswith(_REPLAY)
    names = [name.strip() for name in spec.removeprefix(_REPLAY).split(",") if name.strip()]
    # Without money or calls nothing is asked, and litellm's import would be seconds for nothing.
    check = not replay and max_cost_usd > 0 and max_calls > 0
    models = [_open_one(name, limit, allow_unpriced, check=check) for name in names]
    model = models[0] if len(models) == 1 else FallbackLanguageModel(models)
    if replay:
        return _open_replay(model, cache_folder)
    if cache_folder is None or isinstance(model, ScriptedLanguageModel):
        return model
    return CachedLanguageModel(model, cache_folder)


def _open_one(name: str, limit: SpendLimit, allow_unpriced: bool, *, check: bool) -> _Opened:
    if name.startswith("scripted:"):
        if name not in _SCRIPTED:
            raise UsageError(f"No scripted model {name!r}.{close_match(name, _SCRIPTED)}")
        return ScriptedLanguageModel(_SCRIPTED[name], model=name)
    if name == "local" or name.startswith("local:"):
        return LocalLanguageModel(name.removeprefix("local").removeprefix(":") or None, limit=limit)
    model = LiteLLMLanguageModel(name, limit=limit, allow_unpriced=allow_unpriced)
    if check:
        check_model(name, allow_unpriced=allow_unpriced)
    return model


def _open_replay(
    model: _Opened | FallbackLanguageModel, folder: str | Path | None
) -> CachedLanguageModel:
    if folder is None:
        raise UsageError("replay: needs cache_folder, the folder with the replies.")
    return CachedLanguageModel(None, folder, model=model.model, settings=model.settings)
