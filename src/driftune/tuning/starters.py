"""What a study tries before it searches, and in which order."""

from __future__ import annotations

from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, Any

from optuna.distributions import FloatDistribution, IntDistribution

from driftune.sampler.experience import are_close
from driftune.sampler.portfolios import FAMILIES
from driftune.sampler.unit_cube import from_unit
from driftune.sampler.warm_start import cheap_start, library_default, move_into, portfolio
from driftune.tuning.families.union import CHOICE, choose, own_parameters, union_parameters
from driftune.tuning.space import rename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from optuna.distributions import BaseDistribution

    from driftune.tuning.families import Family
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.space import SearchSpace

Configuration = dict[str, Any]
HASTE = 0.1  # least learning rate of a start; boosting at a tenth of it takes ten times as long
COVERING = 8  # configurations that cover the space
CHEAP = {  # parameter -> the part of its range that costs little time
    "learning_rate": (HASTE, inf),
    "max_depth": (-inf, 8),
    "max_leaves": (-inf, 64),
    "num_iterations": (-inf, 300),
    "num_leaves": (-inf, 64),
}
SHARE = 3  # at most one in so many of `max_trials` is a start of ours: the rest is for the search


def starters(
    space: SearchSpace,
    family: Family,
    prepared: Prepared,
    *,
    first: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]],
    max_trials: int | None,
    seed: int = 0,
) -> list[Configuration]:
    """Order the warm starts: the caller's, the library default, earlier studies', then others.

    These are cheap configurations that cover the space where the family knows what is cheap
    (boosted trees), else a portfolio of what did well on other data.

    Each is moved into the space; what became the same as one before it is dropped. The caller's and
    the default are always tried, the others while they take up no more than a third of the trials.

    Args:
        space: The hard limits.
        family: Model family; its other names of parameters are understood.
        prepared: The table, for what depends on the task or on the number of columns.
        first: The caller's configurations, such as the incumbent's.
        earlier: Configurations of earlier studies, see :func:`pick_earlier`.
        max_trials: Of the whole study, where there is a limit.
        seed: Of the configurations that cover the space.
    """
    move = _mover(space, family, prepared)
    defaults, portfolios = known_configurations(family, classification=prepared.classes is not None)
    always = _distinct(move([*first, *defaults]))
    cheap = cover_cheaply(space, family, seed)
    everything = _distinct([*always, *move([*earlier, *(cheap or portfolios)])])
    if max_trials is None:
        return everything
    return everything[: max(len(always), max_trials // SHARE)]


def pick_earlier(
    space: SearchSpace,
    family: Family,
    prepared: Prepared,
    *,
    first: Sequence[Mapping[str, Any]],
    candidates: Iterable[Mapping[str, Any]],
    count: int,
) -> list[Configuration]:
    """Take the first ``count`` candidates that are new: not close to another or to ``first``.

    The library default counts as known too: it is tried in any case.
    """
    move = _mover(space, family, prepared)
    defaults, _ = known_configurations(family, classification=prepared.classes is not None)
    box = space.distributions()
    known = move([*first, *defaults])
    picked: list[Configuration] = []
    for params in move(candidates):
        if len(picked) >= count:
            break
        if params and not any(are_close(params, other, box) for other in [*known, *picked]):
            picked.append(params)
    return picked


def known_configurations(
    family: Family, *, classification: bool
) -> tuple[list[Configuration], list[Configuration]]:
    """What is known before any data is seen: the library's own values, and a portfolio.

    Of several families one after the other: first the default of each, then the best of each
    portfolio, then the second best of each, and so on.

    Returns:
        The defaults, one per family that has any, and the portfolios in one list.
    """
    members = getattr(family, "members", ())
    if members:
        found = [
            [union_parameters(member, params) for params in _published(member, classification)]
            for member in members
        ]
    else:
        found = [_published(family, classification)]
    defaults = [configurations[0] for configurations in found if configurations]
    others = zip_longest(*(configurations[1:] for configurations in found))
    return defaults, [params for rank in others for params in rank if params]


def cover_cheaply(space: SearchSpace, family: Family, seed: int) -> list[Configuration]:
    """Configurations that cost little and cover the space, after the cheap start that is published.

    A Sobol sequence over all parameters, of which those that cost time keep to their cheap part:
    large steps, few leaves. A portfolio of good, large models says nothing about the rest of the
    space, and costs several times as much (benchmarks/tuning.py).

    Returns:
        None of them for families without a cheap start, and for conditional spaces.
    """
    start = cheap_start(family.name) if family.name in FAMILIES else {}
    box = space.distributions()
    if not start or space.when:
        return []
    from scipy.stats import qmc

    points = qmc.Sobol(len(box), seed=seed).random(COVERING)
    covering = [
        {
            name: from_unit(float(at), _cheap_part(name, distribution))
            for (name, distribution), at in zip(box.items(), point, strict=True)
        }
        for point in points
    ]
    return [start, *covering]


def _cheap_part(name: str, distribution: BaseDistribution) -> BaseDistribution:
    """The cheap part of a parameter's range; all of it where there is none."""
    low, high = CHEAP.get(name, (-inf, inf))
    if isinstance(distribution, FloatDistribution) and distribution.step is None:
        floats = max(low, distribution.low), min(high, distribution.high)
        if floats[0] <= floats[1]:
            return FloatDistribution(*floats, log=distribution.log)
    if isinstance(distribution, IntDistribution) and distribution.step == 1:
        ints = int(max(low, distribution.low)), int(min(high, distribution.high))
        if ints[0] <= ints[1]:
            return IntDistribution(*ints, log=distribution.log)
    return distribution


def hasten(params: Configuration) -> Configuration:
    """The same trees in fewer, larger steps: how small the steps should be is for the search."""
    if "learning_rate" not in params:
        return params
    return {**params, "learning_rate": max(params["learning_rate"], HASTE)}


def _published(family: Family, classification: bool) -> list[Configuration]:
    """The default and the portfolio of one family, under its own names."""
    if family.name in FAMILIES:
        default = library_default(family.name, classification=classification)
        known = portfolio(family.name, classification=classification)
        cheap = cheap_start(family.name)
        return [default, *([cheap] if cheap else []), *map(hasten, known)]
    own = getattr(family, "default", None)  # of a family that is not ours
    return [dict(own)] if own else []


def _mover(
    space: SearchSpace, family: Family, prepared: Prepared
) -> Callable[[Iterable[Mapping[str, Any]]], list[Configuration]]:
    """Move configurations into the space; those of which nothing is left are dropped."""
    box, columns = space.distributions(), len(prepared.feature_names)

    def into(params: Mapping[str, Any]) -> Configuration:
        own = rename(params, family)
        if not getattr(family, "members", ()):
            return move_into(box, own, family=family.name, n_columns=columns)
        if CHOICE not in own:
            return {}
        member, inner = choose(family, own)
        moved = move_into(own_parameters(member, box), inner, family=member.name, n_columns=columns)
        return union_parameters(member, moved)

    return lambda configurations: [
        space.nearest(moved) for params in configurations if (moved := into(params))
    ]


def _distinct(configurations: list[Configuration]) -> list[Configuration]:
    return [
        params
        for number, params in enumerate(configurations)
        if params not in configurations[:number]
    ]
