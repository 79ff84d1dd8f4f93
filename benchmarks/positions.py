"""Configurations as points of the unit cube and back, many at a time.

The benchmarks' own, so that a change of the sampler does not change what it is measured on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Number = FloatDistribution | IntDistribution
Space = dict[str, Number]


def read_positions(configurations: Sequence[Mapping[str, Any]], space: Space) -> np.ndarray:
    """Return where configurations lie, shape (configurations, parameters)."""
    columns = []
    for name, distribution in space.items():
        low, high = _edges(distribution)
        values = np.array([configuration[name] for configuration in configurations], dtype=float)
        columns.append((_scale(values, distribution) - low) / (high - low))
    return np.stack(columns, axis=1)


def read_configurations(positions: np.ndarray, space: Space) -> list[dict[str, Any]]:
    """Return the configurations at points of the unit cube; whole numbers are rounded."""
    columns = []
    for distribution, column in zip(space.values(), positions.T, strict=True):
        low, high = _edges(distribution)
        values = low + column * (high - low)
        values = np.exp(values) if distribution.log else values
        whole = isinstance(distribution, IntDistribution)
        values = np.clip(np.round(values) if whole else values, distribution.low, distribution.high)
        columns.append([int(value) if whole else float(value) for value in values])
    return [dict(zip(space, row, strict=True)) for row in zip(*columns, strict=True)]


def draw_configurations(count: int, space: Space, seed: int = 0) -> list[dict[str, Any]]:
    """Return random configurations, even on each parameter's own scale."""
    positions = np.random.default_rng([seed, count]).random((count, len(space)))
    return read_configurations(positions, space)


def choose_greedily(regrets: np.ndarray, size: int) -> list[int]:
    """Choose the columns whose best has the lowest mean over the rows, one after the other.

    Args:
        regrets: Shape (tasks, candidates).
        size: How many to choose.
    """
    reached = np.full((len(regrets), 1), np.inf)
    chosen = []
    for _ in range(size):
        position = int(np.minimum(regrets, reached).mean(axis=0).argmin())
        reached = np.minimum(reached, regrets[:, [position]])
        chosen.append(position)
    return chosen


def climb(
    evaluate: Callable[[Sequence[Mapping[str, Any]]], np.ndarray],
    starts: Sequence[Mapping[str, Any]],
    space: Space,
) -> dict[str, Any]:
    """Return the lowest configuration that small random steps lead to.

    Args:
        evaluate: Many configurations at once; lower is better.
        starts: Where to begin; each climbs by itself.
        space: The limits.
    """
    rng = np.random.default_rng(2)
    points = read_positions(starts, space)
    values = evaluate(starts)
    for step in np.repeat([0.2, 0.1, 0.05, 0.02], 150):
        free = rng.random(points.shape) < 0.3
        moved = np.clip(points + free * rng.normal(0, step, points.shape), 0, 1)
        configurations = read_configurations(moved, space)
        reached = evaluate(configurations)
        better = reached < values
        points[better] = read_positions(configurations, space)[better]
        values[better] = reached[better]
    return read_configurations(points[[int(values.argmin())]], space)[0]


def _edges(distribution: Number) -> np.ndarray:
    """Return the ends of the range on its own scale; whole numbers stand in their cells' middle."""
    half = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    return _scale(np.array([distribution.low - half, distribution.high + half]), distribution)


def _scale(values: np.ndarray, distribution: Number) -> np.ndarray:
    return np.log(values) if distribution.log else values
