"""Bayesian optimisation without torch: scikit-learn's Gaussian process as an Optuna sampler."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import TrialState

from driftune.errors import MissingPackage, UsageError
from driftune.sampler.history import is_feasible, loss_of
from driftune.sampler.record import read_trials
from driftune.sampler.surrogate import find_best_expected
from driftune.sampler.unit_cube import from_unit, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study, StudyDirection
    from optuna.trial import FrozenTrial

_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


class GaussianProcessSampler(BaseSampler):
    """Runs where a Gaussian process expects the most improvement over the best trial.

    For the parameters that all trials have in common; others are sampled one by one, by TPE, and
    so are studies with several objectives. A fit takes time cubic in the trials: beyond a few
    hundred, TPE is the better choice (``partner="auto"`` changes over by itself).

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=GaussianProcessSampler(seed=1))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -10, 10) - 2) ** 2, n_trials=20)
    >>> study.best_value < 1e-3
    True

    Pruned trials and trials that break a constraint count as bad as the worst one seen; failed
    ones do not count. Everything is computed from the trials in storage, so a resumed study goes
    on as if it had not stopped.

    Args:
        seed: Makes the sampler deterministic, given the trials.
        n_startup_trials: Finished trials, the warm start included, before the first fit; until
            then it samples at random.

    Raises:
        MissingPackage: If scikit-learn is not installed.
        UsageError: If ``n_startup_trials`` is less than 1.
    """

    def __init__(self, *, seed: int | None = None, n_startup_trials: int = 5) -> None:
        if n_startup_trials < 1:
            raise UsageError(f"n_startup_trials={n_startup_trials} must be at least 1.")
        if not has_scikit_learn():
            raise MissingPackage(
                'partner="gp" needs scikit-learn, which is not installed: pip install '
                'scikit-learn, or take partner="tpe".'
            )
        self._n_startup_trials = n_startup_trials
        self._entropy: Any = np.random.SeedSequence(seed).entropy
        self._common = IntersectionSearchSpace(include_pruned=True)
        self._random = RandomSampler(seed=seed)
        self._tpe = TPESampler(seed=seed)

    def reseed_rng(self) -> None:
        """Draw a new seed, for this sampler and those that it falls back on."""
        self._entropy = np.random.SeedSequence().entropy
        self._random.reseed_rng()
        self._tpe.reseed_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what the trials have in common."""
        if study._is_multi_objective():
            return self._tpe.infer_relative_search_space(study, trial)
        return {n: d for n, d in self._common.calculate(study).items() if not d.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the configuration with the highest expected improvement."""
        if study._is_multi_objective():
            return self._tpe.sample_relative(study, trial, search_space)
        if not search_space:
            return {}
        others = [t for t in read_trials(study) if t.number != trial.number]
        done = [t for t in others if t.state in _DONE and _covers(t, search_space)]
        losses = _read_losses(done, study.direction)
        if len(done) < self._n_startup_trials or losses is None:
            return {}
        running = [t for t in others if not t.state.is_finished() and _covers(t, search_space)]
        position = find_best_expected(
            _place_all(done, search_space),
            losses,
            _place_all(running, search_space),
            list(search_space.values()),
            np.random.default_rng([self._entropy, trial.number]),
        )
        if position is None:
            return {}  # every candidate has been run: the space is all but exhausted
        pairs = zip(search_space.items(), position, strict=True)
        return {name: from_unit(at, distribution) for (name, distribution), at in pairs}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Sample at random at first, then by TPE: a parameter that not every trial has."""
        finished = sum(t.state in _DONE for t in study.get_trials(deepcopy=False))
        known = param_name in self._common.calculate(study) if finished else False
        early = finished < self._n_startup_trials or known
        sampler = self._random if early and not study._is_multi_objective() else self._tpe
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell those that it falls back on."""
        self._tpe.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell those that it falls back on."""
        self._tpe.after_trial(study, trial, state, values)


def has_scikit_learn() -> bool:
    """Whether scikit-learn can be imported; it is not imported here."""
    try:
        return find_spec("sklearn") is not None
    except ModuleNotFoundError:
        return False


def _covers(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> bool:
    """Whether the trial has a value inside the range of every parameter."""
    return all(
        name in trial.params
        and type(trial.distributions[name]) is type(distribution)
        and distribution._contains(distribution.to_internal_repr(trial.params[name]))
        for name, distribution in space.items()
    )


def _place_all(trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]) -> Any:
    points = [place(trial.params, space) for trial in trials]
    return np.array(points).reshape(len(points), len(space))


def _read_losses(trials: Sequence[FrozenTrial], direction: StudyDirection) -> Any:
    """Return finite losses, shape (trials,); ``None`` if no trial has one."""
    losses = np.full(len(trials), np.inf)
    for i, trial in enumerate(trials):
        if trial.state == TrialState.COMPLETE and is_feasible(trial):
            losses[i] = loss_of(trial, direction)
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return None
    return np.clip(np.nan_to_num(losses, nan=finite.max()), finite.min(), finite.max())
