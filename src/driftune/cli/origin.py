"""The record of a model version as lines for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftune.cli.output import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftune.lineage import Origin

INDENT = 20
SAID = ("driftune.batches", "driftune.configuration")  # by other lines
NOT_ON_RECORD = "not on record"


def describe_origin(
    origin: Origin, record: Mapping[str, Any], *, prompts: bool = False
) -> list[str]:
    """Return the lines of ``driftune lineage``.

    Args:
        origin: The version's record.
        record: What the command did besides: ``restored``, ``replay``.
        prompts: Also what the language model was asked and said.
    """
    names = origin.batches
    shown = f"{counted(len(names), 'batch')}: {names[0]} to {names[-1]}" if names else None
    facts = {
        "version": f"{origin.problem} version {origin.version}",
        "data version": origin.data_version,
        "batches": shown or origin.tags.get("driftune.batches"),
        "commit": origin.code,
        "run": origin.run,
        "retune": origin.retune_id,
        "study": origin.study,
        "parameters": _pairs(origin.parameters),
        "trial 0": _trial(origin),
        "prompts": _prompts(origin, hint=not prompts),
        "gate": _gate(origin.gate),
        **{
            key.removeprefix("driftune."): _tag(text)
            for key, text in origin.tags.items()
            if key not in SAID
        },
        "restored": record.get("restored"),
        "replay": record.get("replay", {}).get("sentence"),
    }
    optional = {"restored", "replay", "retune", "batches"}
    lines = [
        f"{name:<{INDENT}}{value or NOT_ON_RECORD}"
        for name, value in facts.items()
        if value or name not in optional
    ]
    return lines + (list(_conversation(origin)) if prompts else [])


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _trial(origin: Origin) -> str | None:
    trial = origin.first_trial
    if trial is None:
        return None
    score = "failed" if trial.score is None else f"{trial.score:.6g}"
    return f"{score} with {_pairs(trial.params)}"


def _prompts(origin: Origin, *, hint: bool) -> str:
    if not origin.prompts:
        return "none: no language model was asked"
    tokens = sum(prompt.tokens or 0 for prompt in origin.prompts)
    cost = sum(prompt.cost_usd or 0.0 for prompt in origin.prompts)
    said = f"{counted(len(origin.prompts), 'question')}, {tokens} tokens, ${cost:.4f}"
    return f"{said}; --prompts prints them" if hint else said


def _gate(verdict: Mapping[str, Any] | None) -> str | None:
    if verdict is None:
        return None
    numbers = {
        name: value for name, value in verdict.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }  # fmt: skip
    return f"{verdict.get('reason')} ({_pairs(numbers)})"


def _tag(text: str) -> str:
    """A tag as it is; numbers of an interval in words."""
    try:
        content = json.loads(text)
    except ValueError:
        return text
    if isinstance(content, dict):
        return _pairs(content)
    return text


def _conversation(origin: Origin) -> Iterator[str]:
    for number, prompt in enumerate(origin.prompts, start=1):
        yield ""
        yield f"question {number}"
        for message in prompt.messages:
            yield f"[{message.get('role')}] {message.get('content')}"
        yield f"[answer] {NOT_ON_RECORD if prompt.answer is None else prompt.answer}"
