"""The seam to language models: ``complete(messages, schema) -> Reply``, and what stands behind it.

``LiteLLMLanguageModel`` reaches any provider (extra ``[llm]``; imported when first asked),
``LocalLanguageModel`` runs on this machine (extra ``[local-llm]``), ``ScriptedLanguageModel``
answers from a script, ``CachedLanguageModel`` replays replies from a folder, and
``FallbackLanguageModel`` asks a second model when the first does not answer.
"""

from driftune.language_model.cached import CachedLanguageModel
from driftune.language_model.fallback import FallbackLanguageModel
from driftune.language_model.litellm import LiteLLMLanguageModel
from driftune.language_model.local import LocalLanguageModel
from driftune.language_model.opening import open_language_model
from driftune.language_model.protocol import LanguageModel, Message, Priced, Reply
from driftune.language_model.scripted import ScriptedLanguageModel
from driftune.language_model.scripted_tuner import answer_as_tuner
from driftune.language_model.spending import SpendLimit

__all__ = [
    "CachedLanguageModel",
    "FallbackLanguageModel",
    "LanguageModel",
    "LiteLLMLanguageModel",
    "LocalLanguageModel",
    "Message",
    "Priced",
    "Reply",
    "ScriptedLanguageModel",
    "SpendLimit",
    "answer_as_tuner",
    "open_language_model",
]
