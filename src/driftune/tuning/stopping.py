"""After each trial: count it, tell who watches, and stop the study when a limit is reached."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftune.tuning.objective import FAILURE
from driftune.tuning.progress import OnProgress, TrialProgress

if TYPE_CHECKING:
    from collections.abc import Iterable

    import optuna
    from optuna.trial import FrozenTrial

    from driftune.tuning.budget import Clock

logger = logging.getLogger(__name__)
HOPELESS = 5  # failures in a row, without a single score, that end the study


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is spent: it has a score, was pruned, or failed for a reason of its own.

    A trial that a kill, Ctrl-C or the deadline interrupted is not, and is made up for on resume.
    """
    if trial.state.name == "FAIL":
        return FAILURE in trial.user_attrs
    return trial.state.name in {"COMPLETE", "PRUNED"}


@dataclass
class Limits:
    """Optuna callback that keeps the budget.

    Args:
        clock: Holds the budget; gets the stop reason.
        maximize: Direction of the study.
        tolerance: Relative gain below which a trial does not count as better, for convergence.
        on_progress: Told after each trial.
    """

    clock: Clock
    maximize: bool
    tolerance: float
    on_progress: OnProgress | None = None
    completed: int = 0
    counted: int = 0
    best: float | None = None
    since_gain: int = 0
    failures: list[str] = field(default_factory=list)
    _reference: float | None = None

    def resume(self, trials: Iterable[FrozenTrial]) -> bool:
        """Count what earlier calls did; False when nothing is left to do."""
        for trial in trials:
            self._count(trial)
        return self.clock.check(completed=self.completed, counted=self.counted) is None

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Count the trial, report it, and stop the study when a limit is reached."""
        self._count(trial)
        patience = self.clock.budget.patience
        if self.clock.check(completed=self.completed, counted=self.counted):
            study.stop()
        elif patience is not None and self.since_gain >= patience:
            self.clock.stop_reason = "converged"
            study.stop()
        elif not self.completed and len(self.failures) >= HOPELESS:
            study.stop()
        if self.on_progress is not None:
            self.on_progress(self._event(trial))

    def _count(self, trial: FrozenTrial) -> None:
        self.counted += counts(trial)
        if trial.state.name == "COMPLETE" and trial.value is not None:
            self.completed += 1
            self._gain(trial.value)
        elif counts(trial) and trial.state.name == "FAIL":
            self.failures.append(str(trial.user_attrs[FAILURE]))
            logger.warning("Trial %d failed: %s", trial.number, self.failures[-1])

    def _gain(self, value: float) -> None:
        """Keep the best score, and how many trials ago it last moved by more than noise."""
        sign = -1.0 if self.maximize else 1.0
        if self.best is None or sign * (value - self.best) < 0:
            self.best = value
        self.since_gain += 1
        reference = math.inf if self._reference is None else sign * self._reference
        margin = 0.0 if self._reference is None else self.tolerance * abs(self._reference)
        if sign * value < reference - margin:
            self._reference = value
            self.since_gain = 0

    def _event(self, trial: FrozenTrial) -> TrialProgress:
        from driftune.sampler import source_of

        seconds = self.clock.budget.seconds
        return TrialProgress(
            number=self.counted,
            total=self.clock.budget.max_trials,
            value=trial.value if trial.state.name == "COMPLETE" else None,
            best=self.best,
            source=source_of(trial),
            seconds_left=self.clock.remaining,
            seconds_total=math.inf if seconds is None else seconds,
        )
