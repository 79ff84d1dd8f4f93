"""Does the partner's own model give a proposal no chance?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.sampler.rating import rate
from driftune.sampler.unit_cube import from_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_CANDIDATES = 64
_GOOD_SHARE = 0.3  # by TPE's own tenth even the neighbours of the best trials count as bad


def is_hopeless(
    partner: BaseSampler,
    study: Study,
    trial: FrozenTrial,
    space: Mapping[str, BaseDistribution],
    configuration: Mapping[str, Any],
    *,
    quantile: float,
    rng: np.random.Generator,
) -> bool:
    """Whether the partner rates ``configuration`` below a quantile of random candidates.

    The veto of LLINBO (arXiv 2505.14756): the model proposes, the statistical model may refuse.
    The candidates are drawn from all of ``space``, not from where the partner looks: a proposal is
    to be better than chance, not better than the partner's best.

    Args:
        partner: Whose rating counts: expected improvement, or the ratio of TPE's densities.
        study: The study.
        trial: The trial that is to be proposed.
        space: Where the candidates come from.
        configuration: The proposal.
        quantile: From 0, which refuses nothing, to 1.
        rng: Where the candidates come from.
    """
    if quantile <= 0:
        return False
    points = rng.random((_CANDIDATES, len(space)))
    candidates = [
        {name: from_unit(at, d) for (name, d), at in zip(space.items(), point, strict=True)}
        for point in points
    ]
    everything = [configuration, *candidates]
    rating = rate(partner, study, trial, space, everything, good_share=_GOOD_SHARE)
    return rating is not None and bool(rating[0] < np.quantile(rating[1:], quantile))
