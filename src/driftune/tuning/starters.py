"""What a study tries before it searches, and in which order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from driftune.sampler.experience import are_close
from driftune.sampler.warm_start import library_default, move_into, portfolio
from driftune.tuning.space import rename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftune.tuning.families import Family
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.space import SearchSpace

Configuration = dict[str, Any]
SHARE = 3  # at most one in so many of `max_trials` is a start of ours: the rest is for the search


def starters(
    space: SearchSpace,
    family: Family,
    prepared: Prepared,
    *,
    first: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]],
    max_trials: int | None,
) -> list[Configuration]:
    """Order the warm starts: the caller's, the library default, earlier studies', the portfolio.

    Each is moved into the space; what became the same as one before it is dropped. The caller's and
    the default are always tried, the others while they take up no more than a third of the trials.

    Args:
        space: The hard limits.
        family: Model family; its other names of parameters are understood.
        prepared: The table, for what depends on the task or on the number of columns.
        first: The caller's configurations, such as the incumbent's.
        earlier: Configurations of earlier studies, see :func:`pick_earlier`.
        max_trials: Of the whole study, where there is a limit.
    """
    move = _mover(space, family, prepared)
    classification = prepared.classes is not None
    always = _distinct(move([*first, library_default(family.name, classification=classification)]))
    others = move([*earlier, *portfolio(family.name, classification=classification)])
    everything = _distinct([*always, *others])
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
    default = library_default(family.name, classification=prepared.classes is not None)
    box = space.distributions()
    known = move([*first, default])
    picked: list[Configuration] = []
    for params in move(candidates):
        if len(picked) >= count:
            break
        if params and not any(are_close(params, other, box) for other in [*known, *picked]):
            picked.append(params)
    return picked


def _mover(
    space: SearchSpace, family: Family, prepared: Prepared
) -> Callable[[Iterable[Mapping[str, Any]]], list[Configuration]]:
    into = partial(
        move_into,
        space.distributions(),
        family=family.name,
        n_columns=len(prepared.feature_names),
    )
    return lambda configurations: [into(rename(params, family)) for params in configurations]


def _distinct(configurations: list[Configuration]) -> list[Configuration]:
    return [
        params
        for number, params in enumerate(configurations)
        if params not in configurations[:number]
    ]
