"""What the sampler benchmark compares: arms by name.

``null`` is the sampler without a model, its default: on these spaces its partner is the Gaussian
process. ``tpe`` or ``gp`` before it names the partner; alone they are the engine without the null
model. A model's name is followed by who decides on its share: ``earned`` (the default), ``fixed``
(a half, as in SLLMBO's paper) or ``decaying``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from published_sllmbo import MiddleFirst
from scripted_models import MODELS, CountedModel, build_model

from driftune.sampler import DecayingShare, FixedShare, LLMTPESampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuning_tasks import Configuration, TuningTask

ALLOCATIONS: dict[str, Any] = {
    "earned": lambda: None,  # whatever the sampler's default is
    "fixed": lambda: FixedShare(0.5),
    "decaying": DecayingShare,
}
ARMS = (
    "random",
    "tpe",
    "gp",
    "portfolio+tpe",
    "portfolio+gp",
    "null",
    "portfolio+null",
    "portfolio+tpe+null",
    *(f"{model}+earned" for model in MODELS if model != "text"),
    *(f"portfolio+{model}+earned" for model in MODELS),
    *(f"portfolio+tpe+{model}+earned" for model in MODELS if model != "text"),
    "good+fixed",
    "portfolio+good+fixed",
    "portfolio+bad+fixed",
    "portfolio+tpe+good+fixed",
    "portfolio+good+decaying",
    "portfolio+bad+decaying",
    *(f"sllmbo+{model}" for model in MODELS if model != "text"),
    "portfolio+local+earned",
    "sllmbo+local",
)


def is_arm(name: str) -> bool:
    """Whether ``build_sampler`` can make it: also combinations that ``ARMS`` leaves out."""
    if name in ARMS:
        return True
    rest = name.removeprefix("portfolio+").removeprefix("gp+").removeprefix("tpe+")
    model, _, allocation = rest.partition("+")
    known = model in (*MODELS, "local") and allocation in ALLOCATIONS
    return known or rest in ("null", "tpe", "gp")


def name_control(arm: str) -> str:
    """Return the arm that is the same without a language model."""
    start = "portfolio+" if arm.startswith("portfolio+") else ""
    partner = next((f"{p}+" for p in ("gp", "tpe") if f"{p}+" in arm), "")
    return f"{start}{partner}null"


def build_sampler(
    arm: str, task: TuningTask, portfolio: Sequence[Configuration], seed: int
) -> tuple[BaseSampler, CountedModel | None]:
    """Return the sampler that ``arm`` stands for and the model in it, if there is one."""
    parts = arm.split("+")
    if arm == "random":
        return RandomSampler(seed=seed), None
    if arm == "tpe":
        return TPESampler(seed=seed), None
    if parts[0] == "sllmbo":
        model = build_model(parts[1], task, seed)
        return MiddleFirst(model, seed=seed), model
    settings: dict[str, Any] = {"search_space": task.space, "seed": seed}
    if parts[0] == "portfolio":
        settings["warm_start"] = portfolio
        parts = parts[1:]
    if parts[0] in ("tpe", "gp"):
        settings["partner"] = parts[0]
        parts = parts[1:]
    if not parts:
        return LLMTPESampler(**settings, allocation=FixedShare(0.0)), None
    if parts == ["null"]:
        return LLMTPESampler(**settings), None
    model = build_model(parts[0], task, seed)
    allocation = ALLOCATIONS[parts[1]]()
    return LLMTPESampler(**settings, language_model=model, allocation=allocation), model
