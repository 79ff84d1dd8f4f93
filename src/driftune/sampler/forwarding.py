"""What every sampler that holds others owes them: the hooks that Optuna calls on it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
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


class SeededSampler(ForwardingSampler):
    """Draws on a stream per trial, so that a resumed study goes on as if it had not stopped.

    Args:
        seed: Makes the streams the same in every process.
        inner: Whom to tell, see ``ForwardingSampler``.
    """

    def __init__(self, seed: int | None, *inner: BaseSampler) -> None:
        super().__init__(*inner)
        self._entropy: Any = np.random.SeedSequence(seed).entropy

    def reseed_rng(self) -> None:
        """Draw a new seed, for this sampler and those that it holds."""
        super().reseed_rng()
        self._entropy = np.random.SeedSequence().entropy

    def _open_stream(self, trial: FrozenTrial) -> np.random.Generator:
        return np.random.default_rng([self._entropy, trial.number])
