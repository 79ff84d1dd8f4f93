"""How promising the classical partner's own model finds a configuration that another proposed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from driftune.sampler.gaussian_process import GaussianProcessSampler, covers
from driftune.sampler.history import DONE, is_feasible, loss_of
from driftune.sampler.partner import find_engine
from driftune.sampler.record import read_trials
from driftune.sampler.unit_cube import place_on_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    Array = np.ndarray[Any, np.dtype[np.float64]]

_MOST_GOOD = 60  # of the trials that are read
_MOST = 200  # trials that are read; every n-th of more, by rank
_NEW = 25  # trials that Optuna's TPE gives their full weight
_FEWEST = 2  # good and other trials: one of each
_erf = np.vectorize(math.erf, otypes=[float])


def rate(
    partner: BaseSampler,
    study: Study,
    trial: FrozenTrial,
    search_space: Mapping[str, BaseDistribution],
    configurations: Sequence[Mapping[str, Any]],
    *,
    good_share: float = 0.1,
) -> Array | None:
    """Return how promising each configuration is, shape (n,), higher is better.

    The logarithm of the expected improvement for the Gaussian process, that of the ratio of TPE's
    two densities for TPE: compare ratings of one call only.

    Args:
        partner: The sampler that would propose otherwise.
        study: With one objective.
        trial: The one that is being sampled; it does not count.
        search_space: The ranges that the configurations come from, the dynamic ones if there are.
            Trials outside count as well.
        configurations: Each has a value for every parameter of ``search_space``; a number may lie
            outside its range.
        good_share: Of the trials, which TPE's density of good ones is made of.

    Returns:
        ``None`` if the partner has no model, or too few trials for one.
    """
    engine = find_engine(partner, study)
    if not search_space or study._is_multi_objective():
        return None
    if isinstance(engine, GaussianProcessSampler):
        return engine.rate(study, trial, search_space, configurations)
    if isinstance(engine, TPESampler):
        others = [t for t in read_trials(study) if t.number != trial.number]
        ranked = sorted(
            (t for t in others if t.state in DONE), key=lambda t: _rank(t, study.direction)
        )
        ranked = ranked[:: 1 + len(ranked) // _MOST]
        done = [t for t in ranked if covers(t, search_space)]
        if len(done) < max(engine._n_startup_trials, _FEWEST):
            return None
        return _rate_by_densities(done, search_space, configurations, good_share)
    return None


def _rate_by_densities(
    ranked: list[FrozenTrial],
    space: Mapping[str, BaseDistribution],
    configurations: Sequence[Mapping[str, Any]],
    good_share: float,
) -> Array:
    """Return the log ratio of the densities of good and other trials, shape (n,).

    TPE's own criterion (Bergstra et al. 2011, equation 3) with Optuna's bandwidths, weights and
    prior; the trials come best first. Optuna's estimators themselves are private and change from
    one version to the next.
    """
    count = min(math.ceil(good_share * len(ranked)), _MOST_GOOD)
    at = place_on_lines(configurations, space)
    good, other = (
        _log_density(
            place_on_lines([t.params for t in sorted(part, key=lambda t: t.number)], space),
            at,
            list(space.values()),
        )
        for part in (ranked[:count], ranked[count:])
    )
    return good - other


def _log_density(points: Array, at: Array, space: Sequence[BaseDistribution]) -> Array:
    """Return the log density at ``at``, shape (n,), of kernels around ``points``, oldest first.

    The last of the kernels is a wide one, the prior.
    """
    logs = np.tile(np.log(_weigh(len(points))), (len(at), 1))
    for i, distribution in enumerate(space):
        if isinstance(distribution, CategoricalDistribution):
            logs += _log_choice(points[:, i], at[:, i], len(distribution.choices))
        elif not distribution.single():
            logs += _log_normal(points[:, i], at[:, i])
    most = logs.max(axis=1, keepdims=True)
    density: Array = most[:, 0] + np.log(np.exp(logs - most).sum(axis=1))
    return density


def _weigh(count: int) -> Array:
    """Return Optuna's weights: the newest 25 and the prior 1, the older ones less and less."""
    older = max(count - _NEW, 0)
    weights = np.r_[np.linspace(1.0 / max(count, 1), 1.0, older), np.ones(count - older + 1)]
    normalised: Array = weights / weights.sum()
    return normalised


def _log_normal(centres: Array, at: Array) -> Array:
    """Return log densities of normals cut off at 0 and 1, shape (n, centres + 1)."""
    centres = np.append(centres, 0.5)
    widths = np.append(_choose_widths(centres[:-1]), 1.0)
    ends = (np.array([[0.0], [1.0]]) - centres) / (widths * math.sqrt(2))
    below, above = _erf(ends)
    mass = np.maximum(0.5 * (above - below), 1e-12)
    away = (at[:, None] - centres) / widths
    logs: Array = -0.5 * away**2 - np.log(widths * mass * math.sqrt(2 * math.pi))
    return logs


def _choose_widths(centres: Array) -> Array:
    """Return each centre's distance to its farther neighbour, within Optuna's limits."""
    order = np.argsort(centres, kind="stable")
    line = np.concatenate([[0.0], centres[order], [1.0]])
    gaps = np.diff(line)
    widest = np.maximum(gaps[:-1], gaps[1:])
    if len(centres) > 1:
        widest[0], widest[-1] = gaps[1], gaps[-2]
    widths = np.empty(len(centres))
    widths[order] = widest
    clipped: Array = np.clip(widths, 1.0 / min(100.0, 2.0 + len(centres)), 1.0)
    return clipped


def _log_choice(centres: Array, at: Array, choices: int) -> Array:
    """Return log probabilities of each point's choice, shape (n, centres + 1)."""
    kernels = len(centres) + 1
    weights = np.full((kernels, choices), 1.0 / kernels)
    weights[np.arange(len(centres)), (centres * choices).astype(int)] += 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    logs: Array = np.log(weights.T[(at * choices).astype(int)])
    return logs


def _rank(trial: FrozenTrial, direction: StudyDirection) -> tuple[int, float, float]:
    """As TPE: feasible results, then pruned trials by how far they came and how well, the rest."""
    if not is_feasible(trial):
        return 2, sum(max(violation, 0.0) for violation in trial.constraints.values()), 0.0
    if trial.state == TrialState.COMPLETE:
        return 0, loss_of(trial, direction), 0.0
    step = max(trial.intermediate_values, default=-1)
    last = trial.intermediate_values.get(step, math.nan)
    last = -last if direction == StudyDirection.MAXIMIZE else last
    return 1, -float(step), math.inf if math.isnan(last) else last
