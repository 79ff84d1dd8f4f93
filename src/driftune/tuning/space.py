"""The search space: typed parameters with hard limits, read from YAML or from a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from driftune.tuning.families import Family


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
        inside = min(max(float(value), self.low), self.high)
        if self.step is None:
            return inside
        return self.low + round((inside - self.low) / self.step) * self.step


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
        inside = min(max(float(value), self.low), self.high)
        return self.low + round((inside - self.low) / self.step) * self.step


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


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that a study searches.

    >>> space = SearchSpace.parse({"rate": {"type": "float", "low": 0.01, "high": 0.3}})
    >>> space.parameters["rate"]
    Float(low=0.01, high=0.3, log=False, step=None)
    >>> space.nearest({"rate": 7, "unknown": 1})
    {'rate': 0.3}
    """

    parameters: Mapping[str, Parameter]

    @classmethod
    def load(
        cls, source: str | Mapping[str, Any] | SearchSpace | None, family: Family
    ) -> SearchSpace:
        """Read a preset by name or a mapping as it stands in YAML.

        Args:
            source: Name of one of the family's presets, a mapping of parameter name to
                ``{type, low, high, log, step}`` or ``{type: categorical, choices}``, a space, or
                ``None`` for the preset ``recommended``.
            family: Whose presets and parameter names are meant.

        Raises:
            UsageError: Unknown preset, parameter or key, or limits in the wrong order.
        """
        if isinstance(source, SearchSpace):
            return source
        if source is None or isinstance(source, str):
            name = source or "recommended"
            if name not in family.presets:
                raise UsageError(
                    f"There is no search space {name!r} for {family.name} (tuning.space)."
                    + close_match(name, family.presets)
                )
            return cls.parse(family.presets[name])
        known = {*family.parameter_names, *family.aliases}
        unknown = [name for name in source if name not in known]
        if unknown:
            raise UsageError(
                f"{family.name} has no parameter {unknown[0]!r} (tuning.space)."
                + close_match(unknown[0], known)
            )
        return cls.parse(rename(source, family))

    @classmethod
    def parse(cls, mapping: Mapping[str, Any]) -> SearchSpace:
        """Read a mapping as it stands in YAML, whatever the parameters are called."""
        if not mapping:
            raise UsageError("The search space is empty (tuning.space).")
        return cls({name: _parameter(name, entry) for name, entry in mapping.items()})

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distribution of each parameter."""
        return {name: parameter.distribution() for name, parameter in self.parameters.items()}

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Ask the trial for a value of each parameter."""
        return {name: parameter.suggest(trial, name) for name, parameter in self.parameters.items()}

    def nearest(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The known parameters of ``params``, moved inside the limits."""
        return {
            name: parameter.nearest(params[name])
            for name, parameter in self.parameters.items()
            if name in params
        }

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The mapping that :meth:`parse` reads."""
        names = {kind: name for name, kind in KINDS.items()}
        return {
            name: {"type": names[type(parameter)]}
            | {f.name: getattr(parameter, f.name) for f in fields(parameter)}
            for name, parameter in self.parameters.items()
        }


def rename(params: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """The same parameters under the family's own names."""
    return {family.aliases.get(name, name): value for name, value in params.items()}


def _parameter(name: str, entry: Any) -> Parameter:
    where = f"tuning.space.{name}"
    if not isinstance(entry, Mapping):
        raise UsageError(f"{where} is {entry!r}; write {{type: float, low: ..., high: ...}}.")
    keys = dict(entry)
    type_name = str(keys.pop("type", "missing"))
    if type_name not in KINDS:
        raise UsageError(f"{where}.type is {type_name!r}.{close_match(type_name, KINDS)}")
    kind = KINDS[type_name]
    known = [f.name for f in fields(kind)]
    for key in keys:
        if key not in known:
            raise UsageError(f"{where} has an unknown key {key!r}.{close_match(key, known)}")
    if kind is Categorical:
        return _categorical(where, keys)
    return _range(where, kind, keys)


def _categorical(where: str, keys: dict[str, Any]) -> Categorical:
    choices = keys.get("choices")
    if not isinstance(choices, list | tuple) or not choices:
        raise UsageError(f"{where}.choices is {choices!r}; it must be a list of values.")
    return Categorical(tuple(choices))


def _range(where: str, kind: Any, keys: dict[str, Any]) -> Parameter:
    number = int if kind is Int else int | float
    for key in ("low", "high"):
        if not isinstance(keys.get(key), number) or isinstance(keys[key], bool):
            raise UsageError(f"{where}.{key} is {keys.get(key)!r}; it must be a number.")
    try:
        parameter: Parameter = kind(**keys)
        parameter.distribution()
    except (ValueError, TypeError) as error:
        raise UsageError(f"{where} cannot be used: {error}") from error
    return parameter
