"""A rule of thumb in a language model's place, so that the whole path runs offline.

It reads the limits and the trial table from the prompt as a model would (each is one JSON document
per line), and answers with configurations around the best trial. It knows nothing about machine
learning: it proves the wiring, not the idea. Its name in settings is ``scripted:tuner``.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from driftune.language_model.protocol import Message

_FIRST_STEP = 0.25  # of a range, on its own scale


def answer_as_tuner(messages: list[Message], schema: dict[str, Any]) -> dict[str, Any]:
    """Propose configurations near the best trial in ``messages``.

    The same messages give the same answer. The step shrinks from a quarter of each range as trials
    accumulate.

    Args:
        messages: What the sampler asks: JSON lines with limits, trials and a task among prose.
        schema: Not needed; the limits are read from the messages, as a model would.

    Returns:
        ``{"proposals": [{"configuration", "rationale", "expected"}, ...]}``; every value lies
        inside the limits.
    """
    documents = _read_documents(messages)
    limits = {d["name"]: d for d in documents if "name" in d and "type" in d}
    trials = [d for d in documents if "configuration" in d and d.get("value") is not None]
    task = next((d for d in documents if "propose" in d), {})
    goal = next((d for d in documents if "direction" in d), {})
    best = _best(trials, goal.get("direction", "minimize"))
    step = _FIRST_STEP / (1.0 + len(trials) / 10.0)
    proposals = []
    for index in range(int(task.get("propose", 1))):
        rng = np.random.default_rng([len(documents), len(trials), index])
        proposals.append(_propose(limits, best, step, rng))
    return {"proposals": proposals}


def _read_documents(messages: list[Message]) -> list[dict[str, Any]]:
    documents = []
    for message in messages:
        for line in message["content"].splitlines():
            if line.startswith("{") and line.endswith("}"):
                try:
                    documents.append(json.loads(line))
                except json.JSONDecodeError:
                    continue
    return documents


def _best(trials: list[dict[str, Any]], direction: str) -> dict[str, Any] | None:
    if not trials:
        return None
    choose = max if direction == "maximize" else min
    best: dict[str, Any] = choose(trials, key=lambda trial: trial["value"])
    return best


def _propose(
    limits: dict[str, dict[str, Any]],
    best: dict[str, Any] | None,
    step: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    start = best["configuration"] if best else {}
    configuration = {
        name: _move(limit, start.get(name), step, rng) for name, limit in limits.items()
    }
    return {
        "configuration": configuration,
        "rationale": "Scripted rule: a step away from the best trial."
        if best
        else "Scripted rule: a point in the middle of the limits.",
        "expected": float(best["value"]) if best else 0.0,
    }


def _move(limit: dict[str, Any], value: Any, step: float, rng: np.random.Generator) -> Any:
    if limit["type"] == "categorical":
        choices = limit["choices"]
        keep = value in choices and rng.random() > step
        return value if keep else choices[int(rng.integers(len(choices)))]
    low, high = float(limit["low"]), float(limit["high"])
    log = limit.get("scale") == "log"
    a, b = (math.log(low), math.log(high)) if log else (low, high)
    centre = 0.5 * (a + b) if value is None else (math.log(value) if log else float(value))
    moved = centre + float(rng.uniform(-step, step)) * (b - a)
    plain = math.exp(moved) if log else moved
    return _snap(plain, limit)


def _snap(value: float, limit: dict[str, Any]) -> float | int:
    low, high = limit["low"], limit["high"]
    value = min(max(value, low), high)
    grid = limit.get("step") or (1 if limit["type"] == "int" else None)
    if grid:
        value = low + round((value - low) / grid) * grid
        value = value if value <= high else value - grid
    return round(value) if limit["type"] == "int" else value
