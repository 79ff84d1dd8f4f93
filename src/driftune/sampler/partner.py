"""The classical sampler beside the language model: by name, or chosen as the study goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from driftune.errors import UsageError, close_match
from driftune.sampler.forwarding import ForwardingSampler
from driftune.sampler.gaussian_process import (
    GaussianProcessSampler,
    derive_seed,
    has_scipy,
    sample_at_random,
)
from driftune.sampler.history import DONE
from driftune.sampler.record import read_trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_SOURCES = (
    (TPESampler, "tpe"),
    (GaussianProcessSampler, "gp"),
    (GPSampler, "gp"),
    (RandomSampler, "random"),
)


class AutoSampler(ForwardingSampler):
    """A Gaussian process while it pays, TPE otherwise.

    The process takes a trial if SciPy is installed, the study has one objective and fewer
    than ``most_trials`` finished trials, and all of these have the same parameters, none of them
    categorical. The choice is made anew for every trial, from the trials in storage.

    Args:
        seed: Of both.
        most_trials: From here on TPE: a fit takes time cubic in the trials.
        tpe_every: TPE takes every trial of this number besides. It looks at one parameter after
            the other and finds narrow valleys that a process smooths over; 0 never does.
    """

    def __init__(
        self, *, seed: int | None = None, most_trials: int = 250, tpe_every: int = 0
    ) -> None:
        self._most_trials = most_trials
        self._tpe_every = tpe_every
        self._tpe = TPESampler(seed=derive_seed(seed))
        self._random = RandomSampler(seed=seed)
        self._process: GaussianProcessSampler | None = None
        if has_scipy():
            self._process = GaussianProcessSampler(seed=seed, random=self._random)
        super().__init__(self._tpe, self._process or self._random)

    def choose(self, study: Study, number: int | None = None) -> BaseSampler:
        """Return the sampler whose turn it is, at trial ``number`` if it is known."""
        if self._process is None or study._is_multi_objective():
            return self._tpe
        if number and self._tpe_every and (number + 1) % self._tpe_every == 0:
            return self._tpe
        done = [trial for trial in read_trials(study) if trial.state in DONE]
        if len(done) >= self._most_trials or not _is_flat_and_numeric(done):
            return self._tpe
        return self._process

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Ask the one whose turn it is."""
        return self.choose(study, trial.number).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the one whose turn it is; sample at random while it knows too little."""
        configuration = self.choose(study, trial.number).sample_relative(study, trial, search_space)
        return configuration or sample_at_random(self._random, study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Ask the one whose turn it is."""
        engine = self.choose(study, trial.number)
        return engine.sample_independent(study, trial, param_name, param_distribution)


def open_partner(partner: BaseSampler | str, seed: int | None) -> BaseSampler:
    """Return the partner that a name stands for; samplers come back as they are.

    Raises:
        UsageError: If the name or the kind of sampler is not known.
        MissingPackage: If it is "gp" and SciPy is not installed.
    """
    if isinstance(partner, BaseSampler):
        if not isinstance(partner, (AutoSampler, *(kind for kind, _ in _SOURCES))):
            names = ", ".join(kind.__name__ for kind, _ in _SOURCES)
            raise UsageError(
                f"partner={type(partner).__name__} is not supported; use one of {names}."
            )
        return partner
    makers = {"tpe": TPESampler, "gp": GaussianProcessSampler, "auto": AutoSampler}
    if partner not in makers:
        raise UsageError(f"partner={partner!r} is not known.{close_match(str(partner), makers)}")
    opened: BaseSampler = makers[partner](seed=seed)
    return opened


def find_engine(partner: BaseSampler, study: Study, number: int | None = None) -> BaseSampler:
    """Return the sampler that would propose the study's next trial, or trial ``number``."""
    return partner.choose(study, number) if isinstance(partner, AutoSampler) else partner


def name_source(engine: BaseSampler) -> str:
    """Return what trials of this sampler are recorded as: one of ``SOURCES``."""
    return next(source for kind, source in _SOURCES if isinstance(engine, kind))


def _is_flat_and_numeric(trials: Sequence[FrozenTrial]) -> bool:
    if not trials:
        return True
    names = trials[0].params.keys()
    return all(
        trial.params.keys() == names
        and not any(isinstance(d, CategoricalDistribution) for d in trial.distributions.values())
        for trial in trials
    )
