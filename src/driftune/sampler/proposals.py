"""What a language model may answer, and what is accepted of it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

_LONGEST_RATIONALE = 500  # characters that are kept


@dataclass(frozen=True)
class Proposal:
    """One configuration, as the model wrote it, with its reason.

    Args:
        configuration: JSON values by parameter; ``accept`` turns them into the space's own.
        rationale: A sentence.
        expected: The objective value that the model expects, if it is a finite number.
    """

    configuration: dict[str, Any]
    rationale: str = ""
    expected: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON document from which ``Proposal(**document)`` is this again."""
        return asdict(self)


def show_choice(choice: Any) -> Any:
    """Return a categorical choice as JSON can carry it: scalars as they are, others as text."""
    return choice if choice is None or isinstance(choice, bool | int | float | str) else str(choice)


def build_schema(space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return the JSON schema of an answer: proposals with every parameter inside its limits."""
    proposal = {
        "configuration": _build_object({n: _describe_value(d) for n, d in space.items()}),
        "rationale": {"type": "string"},
        "expected": {"type": "number"},
    }
    return _build_object({"proposals": {"type": "array", "items": _build_object(proposal)}})


def read_proposals(
    text: str, space: Mapping[str, BaseDistribution]
) -> tuple[list[Proposal], list[str]]:
    """Read an answer.

    Args:
        text: JSON by ``build_schema``, possibly inside a code fence or amid prose.
        space: What every configuration must lie in.

    Returns:
        The proposals that lie wholly inside ``space``, and one sentence per problem with the rest.
    """
    document = _find_document(text)
    entries = document.get("proposals") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return [], ['The answer is no JSON document with a list "proposals".']
    proposals, problems = [], []
    for position, entry in enumerate(entries):
        configuration = entry.get("configuration") if isinstance(entry, dict) else None
        if not isinstance(configuration, dict):
            problems.append(f"Proposal {position + 1} has no configuration.")
            continue
        try:
            accept(configuration, space)
        except ValueError as error:
            problems.append(f"Proposal {position + 1}: {error}.")
            continue
        known = {name: configuration[name] for name in space}
        proposals.append(Proposal(known, _read_text(entry), _read_number(entry)))
    return proposals, problems


def accept(
    configuration: Mapping[str, Any], space: Mapping[str, BaseDistribution]
) -> dict[str, Any]:
    """Return the configuration with the space's own values.

    Raises:
        ValueError: If a parameter is missing or lies outside its limits; names it.
    """
    values = {}
    for name, distribution in space.items():
        if name not in configuration:
            raise ValueError(f"{name} is missing")
        values[name] = _accept_value(name, configuration[name], distribution)
    return values


def _accept_value(name: str, raw: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            shown = show_choice(choice)
            if shown == raw and isinstance(shown, bool) == isinstance(raw, bool):
                return choice
        raise ValueError(f"{name} is none of its choices")
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ValueError(f"{name} is no number")
    if isinstance(distribution, IntDistribution) and raw != int(raw):
        raise ValueError(f"{name} is no whole number")
    if not distribution._contains(float(raw)):
        limits = f"{distribution.low:g} to {distribution.high:g}"
        step = "" if distribution.step is None else f" in steps of {distribution.step:g}"
        raise ValueError(f"{name}={raw:g} does not lie in {limits}{step}")
    return int(raw) if isinstance(distribution, IntDistribution) else float(raw)


def _find_document(text: str) -> Any:
    fenced = re.search(r"```(?:json)?\s*(.*?)```", text, flags=re.DOTALL)
    for candidate in (text, fenced.group(1) if fenced else "", text[text.find("{") :]):
        try:
            return json.JSONDecoder().raw_decode(candidate.strip())[0]
        except (json.JSONDecodeError, RecursionError):
            continue
    return None


def _read_text(entry: dict[str, Any]) -> str:
    rationale = entry.get("rationale", "")
    return rationale[:_LONGEST_RATIONALE] if isinstance(rationale, str) else ""


def _read_number(entry: dict[str, Any]) -> float | None:
    expected = entry.get("expected")
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return None
    return float(expected) if math.isfinite(expected) else None


def _build_object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _describe_value(distribution: BaseDistribution) -> dict[str, Any]:
    if isinstance(distribution, CategoricalDistribution):
        return {"enum": [show_choice(choice) for choice in distribution.choices]}
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    kind = "integer" if isinstance(distribution, IntDistribution) else "number"
    return {"type": kind, "minimum": distribution.low, "maximum": distribution.high}
