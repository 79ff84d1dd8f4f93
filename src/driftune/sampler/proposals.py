"""What a language model may answer, and what is accepted of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from driftune.sampler.unit_cube import is_same_point

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from optuna.distributions import BaseDistribution

_LONGEST_RATIONALE = 500  # characters that are kept
_LONGEST_NOTES = 2000
_LONGEST_ANSWER = 200_000
_MOST_READ = 100  # proposals of one answer


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


@dataclass(frozen=True)
class Answer:
    """What could be read of an answer.

    Args:
        proposals: Those that lie wholly inside the limits.
        problems: One sentence per thing that could not be used.
        notes: What the model wants to read again in its next question.
        ranges: Low and high by parameter, as the model wishes them; unchecked numbers.
        reason: Why it wishes them.
    """

    proposals: list[Proposal] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: str = ""
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    reason: str = ""


def build_schema(space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return the JSON schema of an answer: every parameter inside its limits, then the rest."""
    proposal = {
        "configuration": _build_object({n: _describe_value(d) for n, d in space.items()}),
        "rationale": {"type": "string"},
        "expected": {"type": "number"},
    }
    answer = {
        "proposals": {"type": "array", "items": _build_object(proposal)},
        "notes": {"type": "string"},
    }
    if numeric := [n for n, d in space.items() if not isinstance(d, CategoricalDistribution)]:
        wish = {
            "name": {"enum": numeric},
            "low": {"type": "number"},
            "high": {"type": "number"},
            "reason": {"type": "string"},
        }
        answer["ranges"] = {"type": "array", "items": _build_object(wish)}
    return _build_object(answer)


def read_answer(text: str, space: Mapping[str, BaseDistribution]) -> Answer:
    """Read an answer.

    Args:
        text: JSON by ``build_schema``, possibly inside a code fence or amid prose.
        space: What every configuration must lie in.
    """
    document = _find_document(text)
    entries = document.get("proposals") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return Answer(problems=['The answer is no JSON document with a list "proposals".'])
    proposals, problems = [], []
    for position, entry in enumerate(entries[:_MOST_READ]):
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
        proposals.append(Proposal(known, _read_text(entry, "rationale"), _read_number(entry)))
    ranges, reason = _read_ranges(document.get("ranges"))
    notes = _read_text(document, "notes", _LONGEST_NOTES)
    return Answer(proposals, problems, notes, ranges, reason)


def is_new(
    proposal: Proposal,
    tried: Iterable[Mapping[str, Any]],
    space: Mapping[str, BaseDistribution],
) -> bool:
    """Whether the proposal lies in ``space`` and is none of the configurations in ``tried``."""
    try:
        values = accept(proposal.configuration, space)
    except ValueError:
        return False  # the space has changed since the model was asked
    return not any(is_same_point(values, configuration, space) for configuration in tried)


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
    if not _is_number(raw):
        raise ValueError(f"{name} is no number")
    if isinstance(distribution, IntDistribution) and raw != int(raw):
        raise ValueError(f"{name} is no whole number")
    if not distribution._contains(float(raw)):
        limits = f"{distribution.low:g} to {distribution.high:g}"
        step = "" if distribution.step is None else f" in steps of {distribution.step:g}"
        raise ValueError(f"{name}={raw:g} does not lie in {limits}{step}")
    return int(raw) if isinstance(distribution, IntDistribution) else float(raw)


def _find_document(text: str) -> Any:
    text = text[:_LONGEST_ANSWER]
    _, _, fenced = text.partition("```")
    fenced = fenced.partition("```")[0].removeprefix("json")
    for candidate in (text, fenced, text[text.find("{") :]):
        try:
            return json.JSONDecoder().raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):  # no JSON, or a number of five thousand digits
            continue
    return None


def _read_text(entry: dict[str, Any], name: str, longest: int = _LONGEST_RATIONALE) -> str:
    text = entry.get(name, "")
    if not isinstance(text, str):
        return ""
    return text[:longest].encode("utf-8", "replace").decode()  # half a surrogate cannot be stored


def _read_number(entry: dict[str, Any], name: str = "expected") -> float | None:
    number = entry.get(name)
    return float(number) if _is_number(number) else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of four hundred digits
        return False


def _read_ranges(entries: Any) -> tuple[dict[str, tuple[float, float]], str]:
    """Return the wishes that are two numbers in order, and the reasons in one text."""
    ranges: dict[str, tuple[float, float]] = {}
    reasons = []
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        low, high = _read_number(entry, "low"), _read_number(entry, "high")
        if low is not None and high is not None and low < high:
            ranges[name] = (low, high)
            reasons.append(_read_text(entry, "reason"))
    return ranges, " ".join(filter(None, reasons))[:_LONGEST_RATIONALE]


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
