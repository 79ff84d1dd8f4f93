"""The part of a conditional space that exists beside the incumbent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution

from driftune.sampler.history import find_incumbent
from driftune.sampler.jitter import jitter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from driftune.sampler.history import Outcome

    Space = Mapping[str, BaseDistribution]


def incumbents_branch(
    trials: Sequence[FrozenTrial], history: Sequence[Outcome], space: Space
) -> Space:
    """Return the parameters of ``space`` that the incumbent has; all of a space without conditions.

    Args:
        trials: Among which the incumbent is.
        history: The same trials, judged.
        space: With the parameters of every branch.
    """
    best = find_incumbent(history)
    if best is None:
        return space
    params = next(trial.params for trial in trials if trial.number == best.number)
    return {name: distribution for name, distribution in space.items() if name in params}


def jitter_in_branch(
    incumbent: Mapping[str, Any], branch: Space, rng: np.random.Generator, *, conditional: bool
) -> dict[str, Any]:
    """Return a neighbour of the incumbent, as :func:`jitter` makes it.

    Args:
        incumbent: Holds a value inside ``branch`` for each of its parameters.
        branch: What exists beside the incumbent.
        rng: Where the randomness comes from.
        conditional: Whether there are other branches: then categories stay as they are where a
            number can move, for another category may be the door to another branch, where the
            incumbent has no neighbours.
    """
    numbers = {
        name: distribution
        for name, distribution in branch.items()
        if not isinstance(distribution, CategoricalDistribution)
    }
    if not conditional or not any(not d.single() for d in numbers.values()):
        return jitter(incumbent, branch, rng)
    return {name: incumbent[name] for name in branch} | jitter(incumbent, numbers, rng)
