"""``when:`` conditions: a parameter that exists only where another one has certain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match
from driftune.tuning.space_parameters import Categorical, Float

if TYPE_CHECKING:
    from driftune.tuning.space_parameters import Parameter


@dataclass(frozen=True)
class Among:
    """The parent has one of these values."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value of the parent fulfils the condition."""
        return value in self.values

    def to_yaml(self) -> Any:
        """As it is written under ``when``."""
        return list(self.values)


@dataclass(frozen=True)
class Between:
    """The parent is a number between ``low`` and ``high``, both included."""

    low: float
    high: float

    def holds(self, value: Any) -> bool:
        """Whether a value of the parent fulfils the condition."""
        return bool(self.low <= value <= self.high)

    def to_yaml(self) -> Any:
        """As it is written under ``when``."""
        return {"low": self.low, "high": self.high}


Condition = Among | Between
Conditions = dict[str, dict[str, Condition]]
"""Child -> parent -> what the parent must be; all of them must hold."""


def read_conditions(name: str, entry: Any, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Read ``when: {parent: value | [values] | {low, high}}`` of one parameter.

    Raises:
        UsageError: An unknown parent, or a condition that no value of the parent fulfils.
    """
    where = f"tuning.space.{name}.when"
    if not isinstance(entry, Mapping) or not entry:
        raise UsageError(f"{where} is {entry!r}; write {{other_parameter: value}}.")
    for parent in entry:
        if parent not in parameters or parent == name:
            others = [other for other in parameters if other != name]
            raise UsageError(
                f"{where} asks for {parent!r}, which is no other parameter of this space."
                + close_match(str(parent), others)
            )
    return {p: _read(f"{where}.{p}", value, parameters[p]) for p, value in entry.items()}


def _read(where: str, value: Any, parent: Parameter) -> Condition:
    if isinstance(value, Mapping):
        return _read_range(where, value, parent)
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values:
        raise UsageError(f"{where} is an empty list: no value could fulfil it.")
    for one in values:
        if isinstance(parent, Categorical):
            if one not in parent.choices:
                match = close_match(str(one), map(str, parent.choices))
                raise UsageError(f"{where} is {one!r}, which is none of the choices.{match}")
        elif isinstance(parent, Float):
            raise UsageError(
                f"{where} is {one!r}, but a real number hardly ever is exactly that; write "
                "{low: ..., high: ...}."
            )
        elif not isinstance(one, int) or isinstance(one, bool) or parent.nearest(one) != one:
            raise UsageError(f"{where} is {one!r}, which {_limits(parent)} do not contain.")
    return Among(values)


def _read_range(where: str, value: Mapping[str, Any], parent: Parameter) -> Condition:
    if isinstance(parent, Categorical):
        raise UsageError(f"{where} is a range, and the parameter is categorical; list its values.")
    for key, end in value.items():
        if key not in ("low", "high"):
            raise UsageError(
                f"{where} has an unknown key {key!r}.{close_match(str(key), ('low', 'high'))}"
            )
        if not isinstance(end, int | float) or isinstance(end, bool):
            raise UsageError(f"{where}.{key} is {end!r}; it must be a number.")
    low, high = value.get("low", parent.low), value.get("high", parent.high)
    if not _has_value(parent, low, high):
        raise UsageError(f"{where} goes from {low:g} to {high:g}: {_limits(parent)} exclude that.")
    return Between(low, high)


def _limits(parent: Any) -> str:
    return f"the limits {parent.low:g} to {parent.high:g}"


def order(parameters: Mapping[str, Parameter], conditions: Conditions) -> tuple[str, ...]:
    """Put parents before their children, and keep the order of the file otherwise.

    Raises:
        UsageError: Two parameters wait for each other, or a parameter could never exist.
    """
    ordered: list[str] = []
    waiting = list(parameters)
    while waiting:
        ready = [n for n in waiting if all(p in ordered for p in conditions.get(n, {}))]
        if not ready:
            raise UsageError(
                f"The conditions of {', '.join(waiting)} wait for each other (tuning.space)."
            )
        ordered.append(ready[0])
        waiting.remove(ready[0])
    for name in ordered:
        _refuse_impossible(name, parameters, conditions)
    return tuple(ordered)


def _refuse_impossible(
    name: str, parameters: Mapping[str, Parameter], conditions: Conditions
) -> None:
    """Refuse a parameter whose own and inherited conditions on one parent exclude each other."""
    asked: dict[str, list[Condition]] = {}
    pending = [name]
    while pending:
        for parent, condition in conditions.get(pending.pop(), {}).items():
            asked.setdefault(parent, []).append(condition)
            pending.append(parent)
    for parent, several in asked.items():
        if not _can_hold_together(several, parameters[parent]):
            raise UsageError(
                f"tuning.space.{name} could never exist: its conditions on {parent!r}, with those "
                "of the parameters that it depends on, exclude each other."
            )


def _can_hold_together(several: list[Condition], parent: Parameter) -> bool:
    lists = [condition for condition in several if isinstance(condition, Among)]
    if lists:
        return any(all(c.holds(v) for c in several) for v in lists[0].values)
    ranges = [condition for condition in several if isinstance(condition, Between)]
    return _has_value(parent, max(c.low for c in ranges), min(c.high for c in ranges))


def _has_value(parent: Any, low: float, high: float) -> bool:
    """Whether the parent has a value in the range: the one nearest to its middle, if any."""
    nearest = parent.nearest((max(low, parent.low) + min(high, parent.high)) / 2)
    return bool(low <= nearest <= high)


def is_active(conditions: Mapping[str, Condition], values: Mapping[str, Any]) -> bool:
    """Whether all parents have a value, and one that is asked for."""
    return all(p in values and condition.holds(values[p]) for p, condition in conditions.items())
