"""SLLMBO as released, with the start that language models give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import FloatDistribution, IntDistribution

from driftune.bench import PublishedSLLMBO

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class MiddleFirst(PublishedSLLMBO):
    """Runs the middle of the ranges first: what models say when asked for one parameter alone.

    A scripted model would say there what it says at any time.
    """

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the middle in trial 0, then what the released code does."""
        if trial.number == 0:
            assert isinstance(param_distribution, FloatDistribution | IntDistribution)
            middle = (param_distribution.low + param_distribution.high) / 2
            return int(middle) if isinstance(param_distribution, IntDistribution) else middle
        return super().sample_independent(study, trial, param_name, param_distribution)
