"""Run the trials of a study, one after the other or several at a time, until a limit stops it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

    from driftune.tuning.objective import Objective
    from driftune.tuning.stopping import Limits


def run_trials(study: optuna.Study, objective: Objective, limits: Limits) -> None:
    """Run trials until the limits are reached.

    A failing trial is recorded as failed and the study goes on. Each of several trials at a time
    has a thread, which waits for its folds; Optuna keeps their heartbeats.

    Raises:
        KeyboardInterrupt: Ctrl-C; trials under way are ended first.
    """
    while not limits.is_over:  # a trial that was lost is made up for
        if objective.pool.trials == 1:
            _optimize(study, objective, limits)
        else:
            _run_side_by_side(study, objective, limits)
        limits.leave_to_others(study)


def _optimize(study: optuna.Study, objective: Objective, limits: Limits) -> None:
    study.optimize(objective, n_trials=None, callbacks=[limits], catch=(Exception,))


def _run_side_by_side(study: optuna.Study, objective: Objective, limits: Limits) -> None:
    count = objective.pool.trials
    with ThreadPoolExecutor(count, thread_name_prefix="trial") as threads:
        running = [threads.submit(_optimize, study, objective, limits) for _ in range(count)]
        try:
            wait(running)
        except BaseException:
            limits.clock.stop_reason = "user"
            objective.pool.cancel()
            raise
    for thread in running:
        thread.result()  # raises what a thread could not handle
