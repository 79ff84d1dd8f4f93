"""The null model: copies the incumbent and jitters about half of its coordinates.

A source that knows nothing but the best trial so far. Mixed into TPE on a third of the trials it
beats plain TPE, so "better than TPE" says nothing about a language model unless it also beats this
(control of arXiv 2606.21641).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from driftune.sampler.unit_cube import from_unit, nearest_value, to_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from optuna.distributions import BaseDistribution

_CHANCE = 0.5  # per coordinate
_WIDTH = 0.1  # standard deviation, of the range on its own scale


def jitter(
    incumbent: Mapping[str, Any],
    space: Mapping[str, BaseDistribution],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return a neighbour of ``incumbent`` that differs in at least one parameter.

    Numbers move by a normal step on their own (logarithmic) scale, reflected at the limits, and
    discrete ones by at least one step; a category becomes another one.

    Args:
        incumbent: Holds a value inside ``space`` for each of its parameters.
        space: The parameters to set; those with a single value keep it.
        rng: Where the randomness comes from.
    """
    free = [name for name, distribution in space.items() if not distribution.single()]
    chosen = {name for name in free if rng.random() < _CHANCE}
    if free and not chosen:
        chosen = {free[int(rng.integers(len(free)))]}
    return {
        name: _move(incumbent[name], distribution, rng) if name in chosen else incumbent[name]
        for name, distribution in space.items()
    }


def _move(value: Any, distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return others[int(rng.integers(len(others)))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    step = float(rng.normal(0.0, _WIDTH))
    moved = from_unit(_reflect(to_unit(value, distribution) + step), distribution)
    if moved == value and distribution.step is not None:
        up = value + 0.5 * distribution.step < distribution.high
        down = value - 0.5 * distribution.step > distribution.low
        sign = 1 if up and (step > 0 or not down) else -1
        moved = nearest_value(value + sign * distribution.step, distribution)
    return moved


def _reflect(position: float) -> float:
    position = abs(position) % 2.0
    return 2.0 - position if position > 1.0 else position
