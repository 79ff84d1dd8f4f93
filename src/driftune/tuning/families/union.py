"""Several families in one study: which one is a parameter like others.

The parameters of a family are called ``family.parameter`` and exist only where it is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match
from driftune.tuning.families.finding import JOIN
from driftune.tuning.space import SearchSpace, rename

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.metrics import Metric
    from driftune.tuning.families import Family, FoldFit, FoldFitter, Shape, Stop, Table
    from driftune.tuning.splitters import Fold

CHOICE = "family"


@dataclass(frozen=True)
class Union:
    """One of several families, as the parameter ``family`` says.

    Raises:
        UsageError: A family is there twice, or is a union itself.
    """

    members: tuple[Family, ...]

    def __post_init__(self) -> None:
        """Refuse what could not be told apart by name."""
        names = [member.name for member in self.members]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"The model family {name!r} is there twice (tuning.family).")
        if any(hasattr(member, "members") for member in self.members):
            raise UsageError("`auto` stands alone: it is a list of families (tuning.family).")

    @property
    def name(self) -> str:
        """The names of the members, as :func:`get_family` reads them."""
        return JOIN.join(member.name for member in self.members)

    @property
    def presets(self) -> dict[str, Mapping[str, Any]]:
        """The presets that every member has."""
        common = set.intersection(*(set(member.presets) for member in self.members))
        return {name: load_union(name, self.members).to_dict() for name in sorted(common)}

    @property
    def parameter_names(self) -> frozenset[str]:
        """``family``, and each member's with the member's name before it."""
        own = {f"{m.name}.{parameter}" for m in self.members for parameter in m.parameter_names}
        return frozenset({CHOICE, *own})

    @property
    def aliases(self) -> dict[str, str]:
        """Each member's, with the member's name before both."""
        return {
            f"{member.name}.{other}": f"{member.name}.{own}"
            for member in self.members
            for other, own in member.aliases.items()
        }

    @property
    def rounds_grow(self) -> bool:
        """Nothing that one could say of all; the chosen member knows."""
        return False

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> UnionFolds:
        """Prepare nothing: a member prepares the folds when it is first chosen."""
        return UnionFolds(self, table, folds, n_jobs, seed)

    def make_estimator(
        self,
        params: Mapping[str, Any],
        n_rounds: int,
        metric: Metric,
        *,
        n_jobs: int,
        seed: int,
        shape: Shape,
    ) -> Any:
        """The estimator of the member that ``params`` chooses."""
        member, own = choose(self, params)
        return member.make_estimator(own, n_rounds, metric, n_jobs=n_jobs, seed=seed, shape=shape)

    def fit_arguments(self, n_categorical: int) -> dict[str, Any]:
        """Refused: it depends on the member; see :func:`choose`."""
        raise UsageError(f"Choose a family of {self.name} before it is fitted.")


@dataclass
class UnionFolds:
    """Passes each fit on to the member's own fitter, which is made once."""

    union: Union
    table: Table
    folds: Sequence[Fold]
    n_jobs: int
    seed: int
    _fitters: dict[str, FoldFitter] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def fit(self, fold: int, params: Mapping[str, Any], *, stop: Stop) -> FoldFit:
        """Train the chosen member."""
        member, own = choose(self.union, params)
        with self._lock:
            if member.name not in self._fitters:
                self._fitters[member.name] = member.fold_fitter(
                    self.table, self.folds, n_jobs=self.n_jobs, seed=self.seed
                )
        return self._fitters[member.name].fit(fold, own, stop=stop)


def choose(family: Family, params: Mapping[str, Any]) -> tuple[Family, dict[str, Any]]:
    """The family that a configuration is of, and its parameters under that family's own names.

    Raises:
        UsageError: The family is a union, and ``params`` chooses none of its members.
    """
    members = getattr(family, "members", ())
    if not members:
        return family, dict(params)
    chosen = params.get(CHOICE)
    for member in members:
        if member.name == chosen:
            return member, own_parameters(member, params)
    names = [member.name for member in members]
    raise UsageError(f"family={chosen!r} is none of the study's.{close_match(str(chosen), names)}")


def own_parameters(member: Family, params: Mapping[str, Any]) -> dict[str, Any]:
    """A member's parameters out of a union's, under its own names."""
    prefix = f"{member.name}."
    return {name[len(prefix) :]: v for name, v in params.items() if name.startswith(prefix)}


def union_parameters(member: Family, params: Mapping[str, Any]) -> dict[str, Any]:
    """A member's configuration under the union's names."""
    return {CHOICE: member.name, **{f"{member.name}.{name}": v for name, v in params.items()}}


def load_union(source: str | Mapping[str, Any] | None, members: Sequence[Family]) -> SearchSpace:
    """Read the space of each member and put them side by side.

    Args:
        source: A preset's name for all, or member's name -> whatever its space may be; a member
            that is left out has the preset ``recommended``.
        members: The families.

    Raises:
        UsageError: As :meth:`SearchSpace.load`, or a name that is no member's.
    """
    names = [member.name for member in members]
    if isinstance(source, Mapping):
        for name in source:
            if name not in names:
                raise UsageError(
                    f"tuning.space has the key {name!r}; with several families the keys are their "
                    f"names.{close_match(str(name), names)}"
                )
    spaces = {
        member.name: SearchSpace.load(
            source.get(member.name) if isinstance(source, Mapping) else source, member
        )
        for member in members
    }
    entries: dict[str, Any] = {CHOICE: {"type": "categorical", "choices": names}}
    for name, space in spaces.items():
        for parameter, entry in space.to_dict().items():
            when = {f"{name}.{parent}": c for parent, c in entry.pop("when", {}).items()}
            entries[f"{name}.{parameter}"] = {**entry, "when": {CHOICE: name, **when}}
    return SearchSpace.parse(entries)


def rename_into(params: Mapping[str, Any], members: Sequence[Family]) -> dict[str, Any]:
    """A configuration under the union's names, that of a single member's study too.

    Such a one says nothing of its family: it is taken if only one member knows all its names.
    """
    if CHOICE in params:
        for member in members:
            if member.name == params[CHOICE]:
                return union_parameters(member, rename(own_parameters(member, params), member))
        return {}
    knowing = [m for m in members if set(params) <= {*m.parameter_names, *m.aliases}]
    if len(knowing) != 1 or not params:
        return {}
    return union_parameters(knowing[0], rename(params, knowing[0]))
