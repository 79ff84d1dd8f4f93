"""What is compared: one sampler per arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from driftune.bench.models import SPACES, starts
from driftune.bench.published_sllmbo import PublishedSLLMBO
from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.bench.counted_model import CountedModel
    from driftune.bench.preparation import Prepared


@dataclass(frozen=True)
class Arm:
    """One way to search.

    Attributes:
        says: What it is, for people.
        asks: Whether it asks the language model.
    """

    says: str
    asks: bool = False


BASELINE = "tpe"
ARMS: dict[str, Arm] = {
    "random": Arm("random search"),
    "tpe": Arm("Optuna 4's default, the paper's baseline: univariate TPE"),
    "tpe5": Arm("Optuna 5's default: multivariate TPE"),
    "tpe+start": Arm("Optuna 5's default after driftune's first configurations"),
    "sllmbo": Arm("SLLMBO as published, with the language model", asks=True),
    "driftune": Arm("driftune's sampler without a language model"),
    "driftune+model": Arm("driftune's sampler with the language model", asks=True),
}


def check_arms(names: Sequence[str]) -> list[str]:
    """Return the arms without repetition.

    Raises:
        UsageError: If one is not known.
    """
    for name in names:
        if name not in ARMS:
            raise UsageError(f"There is no arm {name!r}.{close_match(name, ARMS)}")
    return list(dict.fromkeys(names))


def build_sampler(
    arm: str, model: str, prepared: Prepared, language_model: CountedModel | None, seed: int
) -> BaseSampler:
    """Return the sampler of an arm.

    Args:
        arm: A key of ``ARMS``.
        model: ``lightgbm`` or ``xgboost``.
        prepared: The task.
        language_model: Needed by the arms that ask.
        seed: Of the sampler.
    """
    if arm == "random":
        return RandomSampler(seed=seed)
    if arm == "tpe":
        return TPESampler(seed=seed, multivariate=False, constant_liar=False)
    if arm in ("tpe5", "tpe+start"):
        return TPESampler(seed=seed)
    if arm == "sllmbo":
        assert language_model is not None
        return PublishedSLLMBO(
            language_model,
            model_name=model,
            metric=prepared.metric,
            problem=prepared.describe(),
            seed=seed,
        )
    from driftune.sampler import LLMTPESampler

    return LLMTPESampler(
        language_model=language_model if ARMS[arm].asks else None,
        warm_start=starts(model, prepared.task),
        search_space=dict(SPACES[model]),
        data_card=prepared.describe(),
        metric=prepared.metric,
        seed=seed,
    )


def first_configurations(arm: str, model: str, prepared: Prepared) -> list[dict[str, Any]]:
    """Return what is enqueued before the search; driftune's sampler enqueues its own."""
    return starts(model, prepared.task) if arm == "tpe+start" else []
