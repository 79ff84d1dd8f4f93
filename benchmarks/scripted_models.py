"""Scripted models that sit in a real one's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import IntDistribution
from positions import read_configurations, read_positions

from driftune.bench.counted_model import CountedModel
from driftune.language_model import ScriptedLanguageModel, open_language_model

if TYPE_CHECKING:
    from tuning_tasks import Configuration, TuningTask

    from driftune.language_model import Message

MODELS = ("good", "bad", "random", "text")
PROPOSALS = 4  # per answer
NEAR = 0.1  # of each range


def build_model(kind: str, task: TuningTask, seed: int) -> CountedModel:
    """Return a model of four configurations an answer.

    ``good`` knows a point next to the optimum in half of its configurations and guesses in the
    others; ``bad`` stays next to the worst point known; ``random`` guesses; ``text`` never answers
    with JSON; ``local`` is the real one that driftune runs in-process.
    """
    if kind == "local":
        model = open_language_model("local")
        assert model is not None
        return CountedModel(model)
    rng = np.random.default_rng([seed, 1])

    def guess() -> Configuration:
        return read_configurations(rng.random((1, len(task.space))), task.space)[0]

    propose = {
        "good": lambda: _move(task.best, task, rng) if rng.random() < 0.5 else guess(),
        "bad": lambda: _move(task.worst, task, rng),
        "random": guess,
    }.get(kind)

    def answer(messages: list[Message], schema: dict[str, Any]) -> str | dict[str, Any]:
        if propose is None:
            return "Certainly! A learning rate that is neither too high nor too low works well."
        return {"proposals": [{"configuration": propose()} for _ in range(PROPOSALS)]}

    return CountedModel(ScriptedLanguageModel(answer))


def _move(centre: Configuration, task: TuningTask, rng: np.random.Generator) -> Configuration:
    """Return a neighbour: within a tenth of each range, or to the next whole number."""
    widths = [
        max(NEAR, 1.5 / (d.high - d.low + 1)) if isinstance(d, IntDistribution) and not d.log
        else NEAR
        for d in task.space.values()
    ]  # fmt: skip
    position = read_positions([centre], task.space)
    moved = position + rng.uniform(-1, 1, position.shape) * widths
    return read_configurations(np.clip(moved, 0, 1), task.space)[0]
