"""The partner's view of a study in words and numbers, for the model to read."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from driftune.sampler.gaussian_process import covers
from driftune.sampler.history import is_usable, loss_of
from driftune.sampler.unit_cube import to_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_FEWEST = 12  # usable trials; of fewer, the good quarter says nothing
_MOST_RATED = 250  # trials; the importance of more takes longer than a suggestion should
_EDGE = 0.05  # of a range


def describe_view(
    study: Study, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
) -> list[dict[str, Any]]:
    """Say for each parameter how much it matters and where the good quarter of the trials lies.

    Importance is PED-ANOVA's (Watanabe, Bansal and Hutter, IJCAI 2023), as shares of the sum.

    Args:
        study: Of which ``trials`` are the trials.
        trials: All others than the one that is to be proposed.
        space: The hard limits.

    Returns:
        One document per parameter, the most important first; none before there are twelve usable
        trials with all parameters inside the limits.
    """
    known = [t for t in trials if is_usable(t) and covers(t, space)]
    if len(known) < _FEWEST:
        return []
    known.sort(key=lambda trial: loss_of(trial, study.direction))
    good = known[: len(known) // 4]
    views = [{"parameter": n, **_describe_good(n, d, good)} for n, d in space.items()]
    if len(known) > _MOST_RATED:
        return views
    shares = _rate_importance(study, list(space))
    views = [view | {"importance": round(shares[view["parameter"]], 3)} for view in views]
    return sorted(views, key=lambda view: -view["importance"])


def _describe_good(
    name: str, distribution: BaseDistribution, good: Sequence[FrozenTrial]
) -> dict[str, Any]:
    values = [trial.params[name] for trial in good]
    if isinstance(distribution, CategoricalDistribution):
        counts = {str(choice): values.count(choice) for choice in distribution.choices}
        return {"good_quarter": {choice: n for choice, n in counts.items() if n}}
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    view: dict[str, Any] = {"good_quarter": [_round(min(values)), _round(max(values))]}
    best = to_unit(values[0], distribution)
    if best <= _EDGE:
        view["best_is_at"] = "low limit"
    elif best >= 1 - _EDGE:
        view["best_is_at"] = "high limit"
    return view


def _rate_importance(study: Study, names: list[str]) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # all values equal: then shares are, too
        rated = PedAnovaImportanceEvaluator().evaluate(study, params=names)
    total = sum(rated.values())
    return {name: rated.get(name, 0.0) / total if total > 0 else 1 / len(names) for name in names}


def _round(value: float) -> float:
    return float(f"{value:.4g}") if isinstance(value, float) else value
