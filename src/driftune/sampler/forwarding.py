"""What every sampler that holds others owes them: the hooks that Optuna calls on it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.samplers import BaseSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState


class ForwardingSampler(BaseSampler):
    """Passes a new seed and the beginning and end of a trial on to the samplers that it holds.

    Args:
        inner: Whom to tell, in this order.
    """

    def __init__(self, *inner: BaseSampler) -> None:
        self._inner = inner

    def reseed_rng(self) -> None:
        """Have each draw a new seed."""
        for sampler in self._inner:
            sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell each that a trial begins."""
        for sampler in self._inner:
            sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell each how a trial ended."""
        for sampler in self._inner:
            sampler.after_trial(study, trial, state, values)
