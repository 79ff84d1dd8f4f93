"""The search space: typed parameters with hard limits, read from YAML or from a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match
from driftune.tuning.space_conditions import Conditions, is_active, order, read_conditions
from driftune.tuning.space_parameters import (
    KINDS,
    Categorical,
    Float,
    Int,
    Parameter,
    read_parameter,
    read_start,
)

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from driftune.tuning.families import Family

__all__ = ["Categorical", "Float", "Int", "Parameter", "SearchSpace", "rename"]


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that a study searches.

    >>> space = SearchSpace.parse({"rate": {"type": "float", "low": 0.01, "high": 0.3}})
    >>> space.parameters["rate"]
    Float(low=0.01, high=0.3, log=False, step=None)
    >>> space.nearest({"rate": 7, "unknown": 1})
    {'rate': 0.3}

    Attributes:
        parameters: With their hard limits; parents come before the parameters that depend on them.
        when: For each conditional parameter, what its parents must be for it to exist.
        start: Ranges inside the limits in which the search begins, where there are any.
    """

    parameters: Mapping[str, Parameter]
    when: Conditions = field(default_factory=dict)
    start: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def load(
        cls, source: str | Mapping[str, Any] | SearchSpace | None, family: Family
    ) -> SearchSpace:
        """Read a preset by name or a mapping as it stands in YAML.

        Args:
            source: Name of one of the family's presets, a mapping of parameter name to
                ``{type, low, high, log, step}`` or ``{type: categorical, choices}``, each with
                ``when`` and ``start`` where wanted, a space, or ``None`` for the preset
                ``recommended``. For several families: a preset's name for all of them, or a mapping
                of family name to any of these; a family that is left out has ``recommended``.
            family: Whose presets and parameter names are meant.

        Raises:
            UsageError: Unknown preset, parameter or key, limits in the wrong order, or a condition
                that can never hold.
        """
        if isinstance(source, SearchSpace):
            return source
        members = getattr(family, "members", ())
        if members:
            from driftune.tuning.families.union import load_union

            return load_union(source, members)
        if source is None or isinstance(source, str):
            return cls.parse(_preset(source or "recommended", family))
        known = {*family.parameter_names, *family.aliases}
        unknown = [name for name in source if name not in known]
        if unknown:
            raise UsageError(
                f"{family.name} has no parameter {unknown[0]!r} (tuning.space)."
                + close_match(unknown[0], known)
            )
        return cls.parse(rename_entries(source, family))

    @classmethod
    def parse(cls, mapping: Mapping[str, Any]) -> SearchSpace:
        """Read a mapping as it stands in YAML, whatever the parameters are called.

        Raises:
            UsageError: It is empty, or an entry cannot be used; names the entry.
        """
        if not mapping:
            raise UsageError("The search space is empty (tuning.space).")
        known = {name: read_parameter(name, entry) for name, entry in mapping.items()}
        when = {
            name: read_conditions(name, entry["when"], known)
            for name, entry in mapping.items()
            if "when" in entry
        }
        start = {
            name: read_start(name, entry["start"], known[name])
            for name, entry in mapping.items()
            if "start" in entry
        }
        return cls({name: known[name] for name in order(known, when)}, when, start)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distribution of each parameter, those that are conditional too."""
        return {name: parameter.distribution() for name, parameter in self.parameters.items()}

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Ask the trial for a value of each parameter that exists, parents first."""
        values: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if is_active(self.when.get(name, {}), values):
                values[name] = parameter.suggest(trial, name)
        return values

    def nearest(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The known parameters of ``params``, moved inside the limits.

        What cannot exist beside the others is left out; what depends on a parameter that
        ``params`` does not have stays, for the sampler may choose that one so that it exists.
        """
        moved: dict[str, Any] = {}
        absent: set[str] = set()
        for name, parameter in self.parameters.items():
            conditions = self.when.get(name, {})
            known = {p: condition for p, condition in conditions.items() if p in moved}
            if absent & conditions.keys() or not is_active(known, moved):
                absent.add(name)
            elif name in params:
                moved[name] = parameter.nearest(params[name])
        return moved

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The mapping that :meth:`parse` reads."""
        return {name: self._entry(name) for name in self.parameters}

    def _entry(self, name: str) -> dict[str, Any]:
        names = {kind: word for word, kind in KINDS.items()}
        parameter = self.parameters[name]
        entry: dict[str, Any] = {"type": names[type(parameter)]}
        entry |= {f.name: getattr(parameter, f.name) for f in fields(parameter)}
        if name in self.when:
            entry["when"] = {p: c.to_yaml() for p, c in self.when[name].items()}
        if name in self.start:
            entry["start"] = dict(zip(("low", "high"), self.start[name], strict=True))
        return entry


def rename(params: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """The same parameters under the family's own names."""
    members = getattr(family, "members", ())
    if members:
        from driftune.tuning.families.union import rename_into

        return rename_into(params, members)
    own = params
    if params.get("family") == family.name:  # found when several families were searched
        prefix = f"{family.name}."
        own = {k[len(prefix) :]: v for k, v in params.items() if k.startswith(prefix)}
    return {family.aliases.get(name, name): value for name, value in own.items()}


def rename_entries(source: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """The same entries of a space under the family's own names, those under ``when`` too.

    Raises:
        UsageError: One parameter is there under two names.
    """
    renamed: dict[str, Any] = {}
    for name, entry in source.items():
        own = family.aliases.get(name, name)
        if own in renamed:
            raise UsageError(f"{name!r} is another name of {own!r} (tuning.space): give one.")
        renamed[own] = entry
        if isinstance(entry, Mapping) and isinstance(entry.get("when"), Mapping):
            conditions = {family.aliases.get(p, p): c for p, c in entry["when"].items()}
            renamed[own] = {**entry, "when": conditions}
    return renamed


def _preset(name: str, family: Family) -> Mapping[str, Any]:
    if name in family.presets:
        return family.presets[name]
    if not family.presets:
        raise UsageError(
            f"{family.name} has no preset: write its parameters under `tuning.space`, e.g. "
            f"{{{min(family.parameter_names, default='C')}: {{type: float, low: ..., high: ...}}}}."
        )
    raise UsageError(
        f"There is no search space {name!r} for {family.name} (tuning.space)."
        + close_match(name, family.presets)
    )
