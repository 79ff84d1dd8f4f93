"""After each trial: count it, tell who watches, and stop the study when a limit is reached."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from driftune.sampler import source_of
from driftune.sampler.history import is_feasible
from driftune.sampler.purse import count_spending
from driftune.tuning.objective import EVALUATION, FAILURE
from driftune.tuning.progress import OnProgress, TrialProgress
from driftune.tuning.search_curve import paired_error, predict_gain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna
    from optuna.trial import FrozenTrial

    from driftune.tuning.budget import Clock, RowLimit

logger = logging.getLogger(__name__)
HOPELESS = 5  # failures in a row, without a single score, that end the study
FEWEST_WITHOUT_GAIN = 10  # trials, before a study that stops by itself does so
SHARE_WITHOUT_GAIN = 0.2  # of its trials, the same
# Trials beyond the starts, before a gain is predicted: of the starts alone, which are not searched
# for, two studies of flights ended 16 and 25 % above what they reached, after ten more 1 and 2 %.
FEWEST_SEARCHED = 10
REACH = 2  # times the trials so far: a prediction for more trials to come is a guess
TINY = 1e-9  # a best loss below it is as good as none


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is spent: it has a score, was pruned, or failed for a reason of its own.

    A trial that a kill, Ctrl-C or the deadline interrupted is not, and is made up for on resume.
    """
    if trial.state.name == "FAIL":
        return FAILURE in trial.user_attrs
    return trial.state.name in {"COMPLETE", "PRUNED"}


@dataclass(frozen=True)
class PastLosses:
    """Losses of the trials so far, lower is better.

    Attributes:
        best: Of the completed trials that may win.
        others: How many trials were pruned, or may not win.
        folds: Of those in ``best``, by fold.
    """

    best: list[float]
    others: int
    folds: list[list[float]]

    @property
    def error(self) -> float:
        """Standard error of a comparison of two trials on the same folds."""
        return paired_error(self.folds) if self.folds else 0.0


@dataclass
class Limits:
    """Optuna callback that keeps the budget, over all processes that work on the study.

    Args:
        clock: Holds the budget; gets the stop reason.
        maximize: Direction of the study.
        tolerance: Relative gain below which a trial does not count as better, for convergence.
        on_progress: Told after each trial of this process.
        row_limit: The limit that kept rows of the table from the study, if one did.
    """

    clock: Clock
    maximize: bool
    tolerance: float
    on_progress: OnProgress | None = None
    row_limit: RowLimit | None = None
    completed: int = 0
    counted: int = 0
    best: float | None = None
    since_gain: int = 0
    searched_since_gain: int = 0
    llm_calls: int = 0
    llm_cost_usd: float = 0.0
    failures: list[str] = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def resume(self, trials: Sequence[FrozenTrial]) -> bool:
        """Count what was done so far; False when nothing is left to do."""
        self._recount(trials)
        budget = self.clock.budget
        if self._reached(trials) == "time" and self.clock.earlier >= (budget.seconds or math.inf):
            logger.warning(
                "Nothing is left to do: earlier calls used the %s of budget.max_seconds; a higher"
                " limit goes on.", budget.max_seconds,
            )  # fmt: skip
        return self.clock.stop_reason is None

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Count the trial, report it, and stop the study when a limit is reached."""
        with self._lock:  # trials that run side by side end side by side
            trials = study.get_trials(deepcopy=False)
            self._recount(trials)
            if trial.state.name == "FAIL" and counts(trial):
                logger.warning("Trial %d failed: %s", trial.number, trial.user_attrs[FAILURE])
            running = sum(other.state.name == "RUNNING" for other in trials)
            if self._reached(trials) or self._is_taken(self.counted + running):
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

    def _reached(self, trials: Sequence[FrozenTrial]) -> str | None:
        if self.clock.check(completed=self.completed, counted=self.counted) is None:
            if self._has_converged(trials):
                # more search brings nothing, more rows might
                self.clock.stop_reason = self.row_limit or "converged"
            elif self._expects_no_gain(trials):
                self.clock.stop_reason = "no_gain_expected"
            elif self._has_only_money() and self._is_broke():
                self.clock.stop_reason = "llm_cost"
        return self.clock.stop_reason

    def _has_converged(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether the search has stood still for long enough, see ``Budget.patience``."""
        budget = self.clock.budget
        patience = budget.trials_without_gain
        if isinstance(patience, int):
            return self.completed > 0 and self.since_gain >= patience
        enough = SHARE_WITHOUT_GAIN * (budget.max_trials or self.counted)
        # the starts are chosen, not searched for: that they bring nothing new ends no search
        if patience == "never" or self.searched_since_gain < max(FEWEST_WITHOUT_GAIN, enough):
            return False
        return self._expects_noise(trials)

    def _expects_noise(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether twice the trials would gain less than the validation can tell."""
        past = self._losses(trials)
        return bool(past.folds) and predict_gain(past.best, past.others) <= past.error

    def _expects_no_gain(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether what is left of the budget would gain too little, see ``Budget.min_gain``."""
        share = self.clock.budget.min_gain
        searched = sum(source_of(t) != "warm_start" for t in trials if counts(t))
        if share is None or searched < FEWEST_SEARCHED:
            return False
        past = self._losses(trials)
        if not past.best:
            return False
        gain = predict_gain(past.best, past.others, more=self._affordable())
        return gain <= max(share * max(abs(min(past.best)), TINY), past.error)

    def _affordable(self) -> float:
        """How many trials the budget still allows, at the pace of this study."""
        clock, most = self.clock, self.clock.budget.max_trials
        by_count = math.inf if most is None else most - self.counted
        by_time = clock.remaining * self.counted / max(clock.earlier + clock.elapsed, 1e-9)
        return max(1.0, min(by_count, by_time, REACH * self.counted))

    def _losses(self, trials: Sequence[FrozenTrial]) -> PastLosses:
        ended = [t for t in trials if t.state.name in {"COMPLETE", "PRUNED"}]
        scored = [t for t in ended if t.state.name == "COMPLETE" and is_feasible(t)]
        known = [t.user_attrs[EVALUATION] for t in scored if EVALUATION in t.user_attrs]
        return PastLosses(
            best=[self._loss(float(t.value)) for t in scored if t.value is not None],
            others=len(ended) - len(scored),
            folds=[[self._loss(score) for score in facts["fold_scores"]] for facts in known],
        )

    def _loss(self, score: float) -> float:
        """As :meth:`driftune.metrics.Metric.flip`."""
        return 1 - score if self.maximize else score

    def _has_only_money(self) -> bool:
        """Whether the language model's limits are the only ones; else it just falls silent."""
        budget = self.clock.budget
        return budget.max_trials is None and budget.seconds is None and self.llm_calls > 0

    def _is_broke(self) -> bool:
        calls, dollars = self.clock.budget.max_llm_calls, self.clock.budget.max_llm_cost_usd
        spent_calls = calls is not None and self.llm_calls >= calls
        return spent_calls or (dollars is not None and self.llm_cost_usd >= dollars)

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
        stale = self._without_gain(trials)
        self.since_gain = len(stale)
        self.searched_since_gain = sum(source_of(trial) != "warm_start" for trial in stale)
        self.llm_calls, self.llm_cost_usd = count_spending(trials)

    def _without_gain(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The trials since the best score last moved by more than noise."""
        sign = -1.0 if self.maximize else 1.0
        reference = math.inf
        since: list[FrozenTrial] = []
        for trial in trials:
            if trial.state.name not in {"COMPLETE", "PRUNED"}:
                continue
            if not is_feasible(trial):  # while nothing may win, the search is not at its end
                since += [trial] if math.isfinite(reference) else []
                continue
            since.append(trial)
            if trial.state.name == "COMPLETE" and trial.value is not None:
                margin = 0.0 if math.isinf(reference) else self.tolerance * abs(reference)
                if sign * trial.value < reference - margin:
                    reference, since = sign * trial.value, []
        return since

    def _event(self, trial: FrozenTrial) -> TrialProgress:
        seconds, dollars = self.clock.budget.seconds, self.clock.budget.max_llm_cost_usd
        asked = self.llm_calls > 0 and dollars is not None
        return TrialProgress(
            number=self.counted,
            total=self.clock.budget.max_trials,
            value=trial.value if trial.state.name == "COMPLETE" else None,
            best=self.best,
            pruned=trial.state.name == "PRUNED",
            source=source_of(trial),
            seconds_left=self.clock.remaining,
            seconds_total=math.inf if seconds is None else seconds,
            dollars_left=max(0.0, dollars - self.llm_cost_usd) if asked and dollars else None,
        )
