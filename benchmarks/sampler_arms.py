"""What the sampler benchmark compares, and the scripted models that sit in a real one's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hpo_tables import SPACE, Table
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from driftune.language_model import ScriptedLanguageModel
from driftune.sampler import DecayingShare, EarnedShare, FixedShare, LLMTPESampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.sampler import Allocation

Portfolio = list[dict[str, int]]

ALLOCATIONS: dict[str, Callable[[], Allocation]] = {
    "earned": EarnedShare,
    "fixed": lambda: FixedShare(0.5),
    "decaying": DecayingShare,
    "none": lambda: FixedShare(0.0),
}
MODELS = ("good", "bad", "random", "text")

ARMS = (
    "random",
    "tpe",
    "portfolio+tpe",
    "portfolio+null",
    "gp",
    "portfolio+gp",
    "portfolio+gp+null",
    *(f"portfolio+{model}+earned" for model in MODELS),
    "portfolio+good+fixed",
    "portfolio+bad+fixed",
    "portfolio+random+fixed",
    *(f"portfolio+{model}+decaying" for model in ("good", "bad", "random")),
    "null",
    "good+earned",
    "bad+earned",
    "random+earned",
    "good+fixed",
    "bad+fixed",
    "sllmbo+good",
    "sllmbo+bad",
)
"""``null`` is the sampler without a model, its default; ``portfolio+tpe`` has no jitter either."""


def build_sampler(arm: str, table: Table, portfolio: Portfolio, seed: int) -> BaseSampler:
    """Return the sampler that ``arm`` stands for, on this task and with this seed."""
    parts = arm.split("+")
    if arm == "random":
        return RandomSampler(seed=seed)
    if arm == "tpe":
        return TPESampler(seed=seed)
    if parts[0] == "sllmbo":
        return PublishedSLLMBO(build_model(parts[1], table, seed), seed)
    settings: dict[str, Any] = {"search_space": SPACE, "seed": seed}
    if parts[0] == "portfolio":
        settings["warm_start"] = portfolio
        parts = parts[1:]
    if parts[0] == "gp":
        settings["partner"] = "gp"
    if parts in (["tpe"], ["gp"]):
        settings["allocation"] = FixedShare(0.0)
    elif parts[-1] != "null":
        settings["language_model"] = build_model(parts[0], table, seed)
        settings["allocation"] = ALLOCATIONS[parts[1]]()
    return LLMTPESampler(**settings)


def build_model(kind: str, table: Table, seed: int) -> ScriptedLanguageModel:
    """Return a scripted model of four configurations an answer.

    ``good`` knows a point next to the optimum in half of its configurations and guesses in the
    others; ``bad`` stays next to the worst point of the table; ``random`` guesses; ``text`` never
    answers with JSON.
    """
    rng = np.random.default_rng([seed, 1])

    def near(centre: dict[str, int]) -> dict[str, int]:
        moved = {name: centre[name] + int(rng.integers(-1, 2)) for name in SPACE}
        return {n: min(max(v, SPACE[n].low), SPACE[n].high) for n, v in moved.items()}

    def guess() -> dict[str, int]:
        return {name: int(rng.integers(d.low, d.high + 1)) for name, d in SPACE.items()}

    propose = {
        "good": lambda: near(table.best) if rng.random() < 0.5 else guess(),
        "bad": lambda: near(table.worst),
        "random": guess,
    }.get(kind)

    def answer(messages: list[dict[str, str]], schema: dict[str, Any]) -> str | dict[str, Any]:
        if propose is None:
            return "Certainly! A learning rate that is neither too high nor too low works well."
        return {"proposals": [{"configuration": propose()} for _ in range(4)]}

    return ScriptedLanguageModel(answer)


class PublishedSLLMBO(TPESampler):
    """What SLLMBO's released code does, as far as the trials go.

    The middle of the ranges first; then a coin for every parameter between one value out of a new
    answer and univariate TPE, so that most configurations mix both. Its model sees the incumbent
    alone, which makes no difference to a scripted one.
    """

    def __init__(self, model: ScriptedLanguageModel, seed: int) -> None:
        """Take the model and the seed of both coins and TPE."""
        super().__init__(seed=seed, multivariate=False)
        self._model = model
        self._coin = np.random.default_rng([seed, 2])

    def sample_independent(self, study, trial, param_name, param_distribution):
        """Return the middle, the model's value or TPE's."""
        if trial.number == 0:
            return (param_distribution.low + param_distribution.high) // 2
        if self._coin.random() < 0.5:
            proposals = self._model._replies([], {})["proposals"]
            return proposals[0]["configuration"][param_name]
        return super().sample_independent(study, trial, param_name, param_distribution)
