"""Seconds that a study has had, over all calls, processes and kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.tuning.stopping import counts

if TYPE_CHECKING:
    import optuna

SECONDS = "driftune:seconds"  # study attribute: what calls that ended by themselves have used


def seconds_spent(study: optuna.Study) -> float:
    """Seconds in which earlier calls, or other processes, worked on the study.

    What the calls noted when they ended, or the time in which trials ran, whichever is more: a
    killed call noted nothing, and its last, unfinished trial is not counted. Trials side by side
    count once. A study without a score has the whole time again, for it has nothing to show.
    """
    trials = study.get_trials(deepcopy=False)
    if not any(trial.state.name == "COMPLETE" for trial in trials):
        return 0.0
    spans = sorted(
        (trial.datetime_start.timestamp(), trial.datetime_complete.timestamp())
        for trial in trials
        if counts(trial) and trial.datetime_start and trial.datetime_complete
    )
    worked, until = 0.0, float("-inf")
    for start, end in spans:
        worked += max(0.0, end - max(start, until))
        until = max(until, end)
    return max(worked, float(study.user_attrs.get(SECONDS, 0.0)))


def note_seconds(study: optuna.Study, seconds: float) -> None:
    """Write down what the study has used so far; never less than another process wrote."""
    study.set_user_attr(SECONDS, max(seconds, float(study.user_attrs.get(SECONDS, 0.0))))
