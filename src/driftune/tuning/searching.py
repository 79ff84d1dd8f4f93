"""Run the trials of a study, one after the other or several at a time, until a limit stops it."""

from __future__ import annotations

import logging
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import ServiceUnavailable
from driftune.tuning.executors.ending import PoolLost
from driftune.tuning.storage import TRIAL_WORKER, fail_abandoned, worker_name

if TYPE_CHECKING:
    import optuna

    from driftune.tuning.objective import Objective
    from driftune.tuning.stopping import Limits

logger = logging.getLogger(__name__)
TAKEN = "Cannot tell a"  # Optuna's words for a trial that somebody else has ended
LOOK_SECONDS = 1.0  # between two looks at the last trials of other processes


def run_trials(
    study: optuna.Study, objective: Objective, limits: Limits, *, shared: bool = False
) -> None:
    """Run trials until the limits are reached.

    A failing trial is recorded as failed and the study goes on. Each of several trials at a time
    has a thread, which waits for its folds; Optuna keeps their heartbeats.

    Args:
        study: Whose trials.
        objective: Scores a trial.
        limits: Say when to stop.
        shared: Wait for the last trials of other processes, and run those that they lose.

    Raises:
        KeyboardInterrupt: Ctrl-C; trials under way are ended first.
        ServiceUnavailable: What fits the folds is gone; what is finished is stored.
    """
    runner = Runner(objective)
    while not limits.is_over:  # a trial that was lost is made up for
        if objective.pool.trials == 1:
            _optimize(study, runner, limits)
        else:
            _run_side_by_side(study, runner, limits)
        if runner.lost is not None:
            raise ServiceUnavailable(f"{runner.lost} The same call goes on with the study.")
        if shared:
            _wait_for_others(study, limits)
        else:
            limits.leave_to_others(study)


@dataclass
class Runner:
    """The objective, with a note of who runs the trial.

    Attributes:
        lost: Set when there is nothing left that could fit a fold.
    """

    objective: Objective
    lost: PoolLost | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        """Score a trial; see :class:`Objective`."""
        trial.set_user_attr(TRIAL_WORKER, worker_name())
        try:
            return self.objective(trial)
        except PoolLost as error:
            self.lost = error
            trial.study.stop()
            raise


def _optimize(study: optuna.Study, runner: Runner, limits: Limits) -> None:
    from optuna.exceptions import UpdateFinishedTrialError

    try:
        study.optimize(runner, n_trials=None, callbacks=[limits], catch=(Exception,))
    except (UpdateFinishedTrialError, ValueError) as error:
        if not (isinstance(error, UpdateFinishedTrialError) or TAKEN in str(error)):
            raise
        # no heartbeat for a minute, as after the sleep of a laptop; run_trials goes on
        logger.warning("A trial was taken for lost while it ran; it is queued once more.")


def _run_side_by_side(study: optuna.Study, runner: Runner, limits: Limits) -> None:
    pool = runner.objective.pool
    with ThreadPoolExecutor(pool.trials, thread_name_prefix="trial") as threads:
        running = [threads.submit(_optimize, study, runner, limits) for _ in range(pool.trials)]
        try:
            wait(running)
        except BaseException:
            limits.clock.stop_reason = "user"
            pool.cancel()
            raise
    for thread in running:
        thread.result()  # raises what a thread could not handle


def _wait_for_others(study: optuna.Study, limits: Limits) -> None:
    """Wait until nobody can lose a trial any more, or until there is one to run."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import fail_stale_trials

    most = limits.clock.budget.max_trials
    while not limits.is_over:
        fail_abandoned(study)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(study)
        trials = study.get_trials(deepcopy=False)
        running = sum(trial.state.name == "RUNNING" for trial in trials)
        if not limits.resume(trials) or most is None or limits.counted + running < most:
            return
        time.sleep(LOOK_SECONDS)
