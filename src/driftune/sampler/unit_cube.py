"""Each parameter on its own scale, from 0 to 1, and back.

A discrete parameter with ``n`` values cuts [0, 1] into ``n`` cells (equal ones, or equal in the
logarithm) and a value stands in the middle of its cell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution


def to_unit(value: Any, distribution: BaseDistribution) -> float:
    """Place ``value``, which must lie in ``distribution``, between 0 and 1.

    >>> to_unit(0.1, FloatDistribution(0.01, 1.0, log=True))
    0.5
    >>> to_unit(2, IntDistribution(1, 2))
    0.75
    """
    return min(max(to_line(value, distribution), 0.0), 1.0)


def to_line(value: Any, distribution: BaseDistribution) -> float:
    """Place ``value`` as ``to_unit`` does, and a number outside ``distribution`` beyond 0 or 1.

    >>> to_line(10.0, FloatDistribution(0.01, 1.0, log=True))
    1.5

    Raises:
        ValueError: If ``value`` is none of the choices, or has no logarithm on a log scale.
    """
    if distribution.single():
        return 0.5
    if isinstance(distribution, CategoricalDistribution):
        return (distribution.to_internal_repr(value) + 0.5) / len(distribution.choices)
    low, high, log = _edges(distribution)
    return ((math.log(value) if log else float(value)) - low) / (high - low)


def from_unit(position: float, distribution: BaseDistribution) -> Any:
    """Return the value of ``distribution`` at ``position``; positions outside [0, 1] are clipped.

    >>> round(from_unit(0.5, FloatDistribution(0.01, 1.0, log=True)), 12)
    0.1
    >>> [from_unit(u, IntDistribution(1, 2)) for u in (0.0, 0.49, 0.51, 1.0)]
    [1, 1, 2, 2]
    """
    position = min(max(float(position), 0.0), 1.0)
    if isinstance(distribution, CategoricalDistribution):
        n = len(distribution.choices)
        return distribution.choices[min(int(position * n), n - 1)]
    low, high, log = _edges(distribution)
    plain = low + position * (high - low)
    return nearest_value(math.exp(plain) if log else plain, distribution)


def nearest_value(value: Any, distribution: BaseDistribution) -> Any:
    """Return the value of ``distribution`` that is nearest to ``value``.

    >>> nearest_value(7.3, IntDistribution(1, 5))
    5

    Raises:
        ValueError: If ``value`` is no number, or none of the choices.
    """
    if isinstance(distribution, CategoricalDistribution):
        if value not in distribution.choices:
            raise ValueError(f"{value!r} is none of {distribution.choices!r}")
        return value
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"{value!r} is no number")
    clipped = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        steps = math.floor((clipped - distribution.low) / distribution.step + 0.5)
        most = math.floor((distribution.high - distribution.low) / distribution.step + 1e-8)
        clipped = distribution.low + min(steps, most) * distribution.step
        clipped = min(clipped, distribution.high)
    return int(clipped) if isinstance(distribution, IntDistribution) else float(clipped)


def place(
    configuration: Mapping[str, Any], space: Mapping[str, BaseDistribution]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the configuration as a point, shape (parameters,), in the order of ``space``."""
    return np.array([to_unit(configuration[name], space[name]) for name in space])


def place_on_lines(
    configurations: Sequence[Mapping[str, Any]], space: Mapping[str, BaseDistribution]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return one row per configuration, shape (n, parameters), by ``to_line``."""
    rows = [[to_line(params[name], space[name]) for name in space] for params in configurations]
    return np.array(rows).reshape(len(rows), len(space))


def move_to_cell(
    points: np.ndarray[Any, np.dtype[np.float64]], space: Sequence[BaseDistribution]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Move every coordinate, from 0 to 1, to where ``to_unit`` places the nearest value.

    Args:
        points: Shape (n, parameters).
        space: The distribution of each coordinate.
    """
    moved = points.copy()
    for column, distribution in zip(moved.T, space, strict=True):
        column[:] = _move_column(column, distribution)
    return moved


def is_same_point(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    space: Mapping[str, BaseDistribution],
    tolerance: float = 0.005,
) -> bool:
    """Whether no parameter differs by more than ``tolerance`` of its range, on its own scale.

    Discrete values that differ are never the same. A configuration that lacks a parameter, or has
    one outside its range, is the same as no other.
    """
    for name, distribution in space.items():
        if name not in first or name not in second:
            return False
        a, b = first[name], second[name]
        if isinstance(distribution, FloatDistribution) and distribution.step is None:
            if not (_contains(a, distribution) and _contains(b, distribution)):
                return False
            low, high = distribution.low, distribution.high
            apart = (
                math.log(a / b) / math.log(high / low)
                if distribution.log
                else (a - b) / (high - low)
            )
            if abs(apart) > tolerance:
                return False
        elif a != b:
            return False
    return True


def _contains(value: Any, distribution: FloatDistribution) -> bool:
    return isinstance(value, int | float) and distribution.low <= value <= distribution.high


def _edges(distribution: BaseDistribution) -> tuple[float, float, bool]:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    half = 0.5 * (distribution.step or 0)
    low, high = distribution.low - half, distribution.high + half
    if distribution.log:
        return math.log(low), math.log(high), True
    return low, high, False


def _move_column(
    column: np.ndarray[Any, np.dtype[np.float64]], distribution: BaseDistribution
) -> np.ndarray[Any, np.dtype[np.float64]]:
    if isinstance(distribution, CategoricalDistribution):
        cells = len(distribution.choices)
    else:
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        if distribution.step is None:
            return column
        low, high, log = _edges(distribution)
        if log:
            values = np.rint(np.exp(low + column * (high - low)))
            values = np.clip(values, distribution.low, distribution.high)
            middle: np.ndarray[Any, np.dtype[np.float64]] = (np.log(values) - low) / (high - low)
            return middle
        steps = (distribution.high - distribution.low) / distribution.step
        cells = int(np.floor(steps + 1e-8)) + 1
    middle = (np.minimum(np.floor(column * cells), cells - 1) + 0.5) / cells
    return middle
