"""A box inside the hard limits that the search moves, guarded, versioned and reversible."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from driftune.errors import UsageError, close_match
from driftune.sampler.unit_cube import from_unit, nearest_value, to_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

Ranges = dict[str, tuple[float, float]]
"""Low and high by parameter, for those that are narrower than their limits."""

_MOST = 4.0  # times wider or narrower, in one change
_EDGE = 0.05  # of a range: an incumbent nearer than that to an edge of the box widens it
_NARROWEST = 0.02  # of a range


@dataclass(frozen=True)
class Box:
    """One version of the box.

    Args:
        version: Counts from 0.
        ranges: What it is narrowed to.
        by: ``start``, ``model``, ``rule`` (an incumbent at its edge), ``undo`` or ``refused``.
        reason: A sentence.
        before: The ranges that come back if the change brings nothing; ``None`` if it stays.
        trial: Number of the trial that was being proposed when the model last changed it.
        wish: Number of the last trial whose wish of the model is settled.
    """

    version: int = 0
    ranges: Ranges = field(default_factory=dict)
    by: str = "start"
    reason: str = ""
    before: Ranges | None = None
    trial: int = -1
    wish: int = -1

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Box:
        """Read what ``asdict`` and a storage made of it."""
        ranges, before = document["ranges"], document["before"]
        before = None if before is None else _pairs(before)
        return cls(**{**document, "ranges": _pairs(ranges), "before": before})


@dataclass(frozen=True)
class DynamicSpace:
    """Lets the model and a rule narrow and widen the ranges that are searched.

    SLLMBO's moving ranges (arXiv 2410.20302), made safe: ``suggest_*`` keeps the hard limits; the
    partner and the null model search a box inside them. A change contains the incumbent, is at
    most a factor of four per parameter on its own scale, is written into the study with its
    version and reason, and a change that the model wished is taken back when ``patience`` trials
    bring no improvement. The model's wishes count once its proposals have earned at least as much
    per trial as the others'. An incumbent within 5 % of an edge of the box doubles that range.

    Args:
        start: Ranges to begin with, ``{name: (low, high)}``; the limits where none is given.
        patience: Finished trials without an improvement after which a change is taken back.
        by_model: Whether the model may wish for ranges.
        by_rule: Whether an incumbent at an edge widens the box.

    Raises:
        UsageError: If ``patience`` is below 1 or a range of ``start`` is empty.
    """

    start: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    patience: int = 10
    by_model: bool = True
    by_rule: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no range and no patience."""
        if self.patience < 1:
            raise UsageError(f"patience={self.patience} must be at least 1.")
        for name, pair in self.start.items():
            if not _is_range(pair):
                raise UsageError(f"start[{name!r}]={pair!r} must be a low and a high number.")

    def first_box(self) -> Box:
        """Return the box of a study that has none yet."""
        return Box(ranges={name: (low, high) for name, (low, high) in self.start.items()})

    def check(self, space: Mapping[str, BaseDistribution], *, all_known: bool = False) -> None:
        """Hold ``start`` against the limits.

        Args:
            space: The limits that are known.
            all_known: Whether these are all.

        Raises:
            UsageError: A range is of no number, leaves the limits, holds less than two values, or
                is of a parameter that does not exist.
        """
        for name, (low, high) in self.start.items():
            distribution = space.get(name)
            if distribution is None:
                if all_known:
                    raise UsageError(
                        f"start has no parameter {name!r} to narrow.{close_match(name, space)}"
                    )
                continue
            if isinstance(distribution, CategoricalDistribution):
                raise UsageError(f"start[{name!r}] is a range, and {name} is categorical.")
            least, most = _limits(distribution)
            ends = [nearest_value(end, distribution) for end in (low, high)]
            if low < least or high > most or ends[0] == ends[1]:
                raise UsageError(
                    f"start[{name!r}]=({low}, {high}) must hold two values or more between the "
                    f"limits {least:g} and {most:g}."
                )


def grant(
    box: Box,
    wish: Ranges,
    space: Mapping[str, BaseDistribution],
    incumbent: Mapping[str, Any],
) -> Ranges:
    """Return the box's ranges after as much of a wish as the guards allow.

    >>> limits = {"x": FloatDistribution(0, 100)}
    >>> low, high = grant(Box(), {"x": (40.0, 41.0)}, limits, {"x": 50.0})["x"]
    >>> round(low, 9), round(high, 9)
    (28.0, 53.0)

    Args:
        box: The present one.
        wish: What the model wants; unknown and categorical names are left out.
        space: The hard limits.
        incumbent: The best configuration so far; stays inside.
    """
    ranges = dict(box.ranges)
    for name, (low, high) in wish.items():
        distribution = space.get(name)
        if distribution is None or isinstance(distribution, CategoricalDistribution):
            continue
        now = _span(box.ranges.get(name), distribution)
        asked = _span((low, high), distribution)
        least = max((now[1] - now[0]) / _MOST, _reach(incumbent[name], distribution))
        width = min(max(asked[1] - asked[0], least), (now[1] - now[0]) * _MOST, 1.0)
        at = to_unit(incumbent[name], distribution)
        margin = 1.2 * _EDGE * width  # else the rule would widen at once
        reach = width / 2 - margin
        middle = min(max((asked[0] + asked[1]) / 2, at - reach), at + reach)
        ranges[name] = _values(middle - width / 2, middle + width / 2, distribution)
    return _narrower(ranges, space)


def widen_at_edge(
    box: Box, space: Mapping[str, BaseDistribution], incumbent: Mapping[str, Any]
) -> tuple[Ranges, list[str]]:
    """Double the ranges at whose inner edge the incumbent lies; returns their names too."""
    ranges, names = dict(box.ranges), []
    for name, pair in box.ranges.items():
        if name not in space:
            continue
        distribution = space[name]
        low, high = _span(pair, distribution)
        at, near = to_unit(incumbent[name], distribution), _EDGE * (high - low)
        down, up = low > 0 and at <= low + near, high < 1 and at >= high - near
        if down or up:
            width = max(high - low, _reach(incumbent[name], distribution))
            ranges[name] = _values(low - width * down, high + width * up, distribution)
            names.append(name)
    return _narrower(ranges, space), names


def bound(space: Mapping[str, BaseDistribution], ranges: Ranges) -> dict[str, BaseDistribution]:
    """Return the distributions of ``space``, the ranges of the box in place of their limits.

    >>> bound({"n": IntDistribution(1, 9, step=2)}, {"n": (2.5, 7.0)})
    {'n': IntDistribution(high=7, log=False, low=3, step=2)}
    """
    bounded = dict(space)
    for name, (low, high) in ranges.items():
        distribution = space.get(name)
        if isinstance(distribution, FloatDistribution | IntDistribution):
            narrower = copy(distribution)
            narrower.low = nearest_value(low, distribution)
            narrower.high = nearest_value(high, distribution)
            bounded[name] = narrower
    return bounded


def _span(pair: tuple[float, float] | None, distribution: BaseDistribution) -> tuple[float, float]:
    """Place a range between 0 and 1 on the parameter's scale; the limits for ``None``."""
    if pair is None:
        return 0.0, 1.0
    low, high = (to_unit(nearest_value(v, distribution), distribution) for v in pair)
    whole = _limits(distribution)
    return (0.0 if pair[0] <= whole[0] else low), (1.0 if pair[1] >= whole[1] else high)


def _reach(value: Any, distribution: BaseDistribution) -> float:
    """Return the narrowest width: a fiftieth of the limits, and neighbours of a whole number."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if distribution.step is None:
        return _NARROWEST
    ends = (nearest_value(value + sign * distribution.step, distribution) for sign in (-1, 1))
    low, high = (to_unit(end, distribution) for end in ends)
    return max(_NARROWEST, 1.2 * (high - low))


def _is_range(pair: Any) -> bool:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return False
    numbers = all(isinstance(end, int | float) and math.isfinite(end) for end in pair)
    return numbers and pair[0] < pair[1]


def _values(low: float, high: float, distribution: BaseDistribution) -> tuple[float, float]:
    if low < 0:
        low, high = 0.0, high - low
    if high > 1:
        low, high = max(0.0, low - (high - 1)), 1.0
    whole = _limits(distribution)
    return (
        whole[0] if low <= 0 else from_unit(low, distribution),
        whole[1] if high >= 1 else from_unit(high, distribution),
    )


def _narrower(ranges: Ranges, space: Mapping[str, BaseDistribution]) -> Ranges:
    """Leave out what is as wide as its limits."""
    return {
        name: pair
        for name, pair in ranges.items()
        if name not in space or pair != _limits(space[name])
    }


def _limits(distribution: BaseDistribution) -> tuple[float, float]:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.low, distribution.high


def _pairs(document: Mapping[str, Any]) -> Ranges:
    return {name: (low, high) for name, (low, high) in document.items()}
