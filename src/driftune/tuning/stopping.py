"""After each trial: count it, tell who watches, and stop the study when a limit is reached."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from driftune.sampler.history import is_feasible
from driftune.tuning.objective import FAILURE
from driftune.tuning.progress import OnProgress, TrialProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Optuna callback that keeps the budget, over all processes that work on the study.

    Args:
        clock: Holds the budget; gets the stop reason.
        maximize: Direction of the study.
        tolerance: Relative gain below which a trial does not count as better, for convergence.
        on_progress: Told after each trial of this process.
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
    _lock: RLock = field(default_factory=RLock, repr=False)

    def resume(self, trials: Sequence[FrozenTrial]) -> bool:
        """Count what was done so far; False when nothing is left to do."""
        self._recount(trials)
        return self._reached() is None

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Count the trial, report it, and stop the study when a limit is reached."""
        with self._lock:  # trials that run side by side end side by side
            trials = study.get_trials(deepcopy=False)
            self._recount(trials)
            if trial.state.name == "FAIL" and counts(trial):
                logger.warning("Trial %d failed: %s", trial.number, trial.user_attrs[FAILURE])
            running = sum(other.state.name == "RUNNING" for other in trials)
            if self._reached() or self._is_taken(self.counted + running):
                study.stop()
            elif not self.completed and len(self.failures) >= HOPELESS:
                study.stop()
            if self.on_progress is not None:
                self.on_progress(self._event(trial))

    @property
    def is_over(self) -> bool:
        """Whether the study has no more to do, or cannot."""
        hopeless = not self.completed and len(self.failures) >= HOPELESS
        return self.clock.stop_reason is not None or hopeless

    def leave_to_others(self, study: optuna.Study) -> None:
        """Be done when other processes run the last trials."""
        trials = study.get_trials(deepcopy=False)
        self._recount(trials)
        running = sum(trial.state.name == "RUNNING" for trial in trials)
        if not self.is_over and self._is_taken(self.counted + running):
            self.clock.stop_reason = "trials"

    def is_surplus(self, trial: optuna.Trial) -> bool:
        """Whether as many trials as are allowed were begun before this one, by whomever."""
        earlier = [t for t in trial.study.get_trials(deepcopy=False) if t.number < trial.number]
        return self._is_taken(sum(counts(t) or t.state.name == "RUNNING" for t in earlier))

    def _is_taken(self, trials: int) -> bool:
        most = self.clock.budget.max_trials
        return most is not None and trials >= most

    def _reached(self) -> str | None:
        patience = self.clock.budget.patience
        if self.clock.check(completed=self.completed, counted=self.counted) is None and (
            patience is not None and self.since_gain >= patience
        ):
            self.clock.stop_reason = "converged"
        return self.clock.stop_reason

    def _recount(self, trials: Sequence[FrozenTrial]) -> None:
        self.counted = sum(map(counts, trials))
        self.failures = [
            str(t.user_attrs[FAILURE]) for t in trials if counts(t) and t.state.name == "FAIL"
        ]
        scored = [t for t in trials if t.state.name == "COMPLETE" and t.value is not None]
        hopeless = [t for t in trials if t.state.name == "PRUNED" and not is_feasible(t)]
        self.completed = len(scored) + len(hopeless)
        values = [float(t.value) for t in scored if t.value is not None and is_feasible(t)]
        self.best = (max if self.maximize else min)(values, default=None)
        self.since_gain = self._count_since_gain(trials)

    def _count_since_gain(self, trials: Sequence[FrozenTrial]) -> int:
        """How many trials ago the best score last moved by more than noise."""
        sign = -1.0 if self.maximize else 1.0
        reference, since = math.inf, 0
        for trial in trials:
            if trial.state.name not in {"COMPLETE", "PRUNED"}:
                continue
            if not is_feasible(trial):  # while nothing may win, the search is not at its end
                since += math.isfinite(reference)
                continue
            since += 1
            if trial.state.name == "COMPLETE" and trial.value is not None:
                margin = 0.0 if math.isinf(reference) else self.tolerance * abs(reference)
                if sign * trial.value < reference - margin:
                    reference, since = sign * trial.value, 0
        return since

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
