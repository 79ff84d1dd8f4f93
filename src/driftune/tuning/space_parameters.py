"""The kinds of parameters, and how an entry of a search space in YAML becomes one of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Float:
    """A real number between ``low`` and ``high``, both included."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def distribution(self) -> BaseDistribution:
        """The same limits as Optuna writes them."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: optuna.Trial, name: str) -> float:
        """Ask the trial for a value."""
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def nearest(self, value: Any) -> float:
        """The nearest value inside the limits."""
        from driftune.sampler.unit_cube import nearest_value

        return float(nearest_value(float(value), self.distribution()))


@dataclass(frozen=True)
class Int:
    """A whole number between ``low`` and ``high``, both included."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def distribution(self) -> BaseDistribution:
        """The same limits as Optuna writes them."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: optuna.Trial, name: str) -> int:
        """Ask the trial for a value."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def nearest(self, value: Any) -> int:
        """The nearest value inside the limits."""
        from driftune.sampler.unit_cube import nearest_value

        return int(nearest_value(float(value), self.distribution()))


@dataclass(frozen=True)
class Categorical:
    """One of ``choices``, which have no order."""

    choices: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """The same choices as Optuna writes them."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.choices)

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """Ask the trial for a value."""
        return trial.suggest_categorical(name, self.choices)

    def nearest(self, value: Any) -> Any:
        """The value itself when it is a choice, else the first choice."""
        return value if value in self.choices else self.choices[0]


Parameter = Float | Int | Categorical
KINDS: dict[str, type[Float] | type[Int] | type[Categorical]] = {
    "float": Float,
    "int": Int,
    "categorical": Categorical,
}
BESIDE = ("when", "start")  # keys of an entry that are not part of the parameter itself
SCALARS = (str, int, float, bool, type(None))  # what Optuna can store of a choice


def read_parameter(name: str, entry: Any) -> Parameter:
    """Read one entry of a search space, without its ``when`` and ``start``.

    Raises:
        UsageError: An unknown type or key, or limits that cannot be; says where.
    """
    where = f"tuning.space.{name}"
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where} is {entry!r}; write {{type: float, low: ..., high: ...}}.")
    keys = {key: value for key, value in entry.items() if key not in BESIDE}
    type_name = str(keys.pop("type", "missing"))
    if type_name not in KINDS:
        raise UsageError(f"{where}.type is {type_name!r}.{close_match(type_name, KINDS)}")
    kind = KINDS[type_name]
    known = [f.name for f in fields(kind)]
    for key in keys:
        if key not in known:
            match = close_match(str(key), [*known, *BESIDE])
            raise UsageError(f"{where} has an unknown key {key!r}.{match}")
    if kind is Categorical:
        return _categorical(where, keys)
    return _range(where, kind, keys)


def read_start(name: str, entry: Any, parameter: Parameter) -> tuple[float, float]:
    """Read ``start: {low, high}``: the range in which the search begins.

    Raises:
        UsageError: No two numbers in order between the limits.
    """
    where = f"tuning.space.{name}.start"
    if isinstance(parameter, Categorical):
        raise UsageError(f"{where} is a range, and {name} is categorical.")
    if not isinstance(entry, Mapping) or set(entry) != {"low", "high"}:
        raise UsageError(f"{where} is {entry!r}; write {{low: ..., high: ...}}.")
    low, high = (_number(where, kind, entry[kind], parameter) for kind in ("low", "high"))
    if not parameter.low <= low < high <= parameter.high:
        raise UsageError(
            f"{where} goes from {low:g} to {high:g}; it must be a range between the limits "
            f"{parameter.low:g} and {parameter.high:g}."
        )
    return low, high


def _categorical(where: str, keys: dict[str, Any]) -> Categorical:
    choices = keys.get("choices")
    if not isinstance(choices, list | tuple) or not choices:
        raise UsageError(f"{where}.choices is {choices!r}; it must be a list of values.")
    for choice in choices:
        if not isinstance(choice, SCALARS):
            raise UsageError(f"{where}.choices holds {choice!r}; only text and numbers can be.")
        if sum(other == choice for other in choices) > 1:
            raise UsageError(f"{where}.choices holds {choice!r} twice.")
    return Categorical(tuple(choices))


def _range(where: str, kind: Any, keys: dict[str, Any]) -> Parameter:
    for key in ("low", "high"):
        _number(where, key, keys.get(key), kind)
    try:
        parameter = kind(**keys)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a step; the next line is clearer
            last = parameter.nearest(parameter.high)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{where} cannot be used: {error}") from error
    if not math.isclose(last, parameter.high):
        raise UsageError(
            f"{where}.high is {parameter.high:g}, which no step of {parameter.step:g} from "
            f"{parameter.low:g} reaches; the last one is {last:g}."
        )
    read: Parameter = parameter
    return read


def _number(where: str, key: str, value: Any, kind: Any) -> Any:
    whole = kind is Int or isinstance(kind, Int)
    if not isinstance(value, int if whole else int | float) or isinstance(value, bool):
        raise UsageError(f"{where}.{key} is {value!r}; it must be a {'whole ' * whole}number.")
    return value
