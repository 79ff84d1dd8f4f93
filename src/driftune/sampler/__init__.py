"""LLM-TPE for Optuna: a language model that must earn its trials beside a classical sampler.

Needs Optuna alone. ``LLMTPESampler`` is the sampler; ``FixedShare``, ``DecayingShare`` and
``EarnedShare`` say who proposes; ``library_default``, ``cheap_start`` and ``portfolio`` are
configurations to start from; ``source_of`` and ``credit_by_source`` tell who proposed
what and what it was worth.
"""

from driftune.sampler.allocation import Allocation, DecayingShare, EarnedShare, FixedShare
from driftune.sampler.credit import SourceCredit, credit_by_source
from driftune.sampler.dynamic_space import DynamicSpace
from driftune.sampler.history import Outcome
from driftune.sampler.llm_tpe import LLMTPESampler
from driftune.sampler.record import SOURCES, source_of
from driftune.sampler.warm_start import cheap_start, library_default, portfolio
from driftune.sampler.worth import Worth, estimate_without_model

__all__ = [
    "SOURCES",
    "Allocation",
    "DecayingShare",
    "DynamicSpace",
    "EarnedShare",
    "FixedShare",
    "LLMTPESampler",
    "Outcome",
    "SourceCredit",
    "Worth",
    "cheap_start",
    "credit_by_source",
    "estimate_without_model",
    "library_default",
    "portfolio",
    "source_of",
]
