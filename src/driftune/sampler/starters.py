"""The configurations that a study runs first, one per trial and without a lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from driftune.sampler import record
from driftune.sampler.unit_cube import nearest_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_CHANCES = 2  # for a configuration; the second failure is its own
_CHOOSING = timedelta(minutes=1)  # a trial that has chosen nothing by then has no process any more


class Starters:
    """Gives each of the first trials a configuration.

    Args:
        configurations: In the order in which they are to run.
    """

    def __init__(self, configurations: Sequence[Mapping[str, Any]]) -> None:
        self._configurations = [dict(configuration) for configuration in configurations]

    def assign(self, study: Study, trial: FrozenTrial) -> None:
        """Note on ``trial`` which configuration it runs, while there are any left.

        Who counts only lower numbers among those that have not chosen yet needs no lock to get
        another one than its fellows. A configuration whose trial failed, or whose process was
        killed, has a second chance.
        """
        if not self._configurations or "fixed_params" in trial.system_attrs:
            return
        others = [t for t in record.read_trials(study) if t.number != trial.number]
        ahead = sum(_is_choosing(other) for other in others if other.number < trial.number)
        free = [i for i in range(len(self._configurations)) if not _is_taken(i, others)]
        if ahead < len(free):
            facts = {record.WARM_START: free[ahead], record.SOURCE: "warm_start"}
            record.record(study, trial, facts)

    def is_last(self, trial: FrozenTrial) -> bool:
        """Whether ``trial`` runs the last one."""
        return trial.system_attrs.get(record.WARM_START) == len(self._configurations) - 1

    def find_value(self, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """Return the trial's value of a parameter, moved inside the limits.

        Raises:
            LookupError: If the trial runs no configuration of ours, or that has no such value.
        """
        index = trial.system_attrs.get(record.WARM_START, len(self._configurations))
        try:
            return nearest_value(self._configurations[index][name], distribution)
        except ValueError as error:
            raise LookupError(name) from error


def _is_choosing(trial: FrozenTrial) -> bool:
    """Whether the trial has just begun and nobody has proposed anything for it yet."""
    attributes = trial.system_attrs
    chosen = record.SOURCE in attributes or "fixed_params" in attributes or trial.params
    if chosen or trial.state.is_finished() or trial.datetime_start is None:
        return False
    return datetime.now() - trial.datetime_start < _CHOOSING


def _is_taken(index: int, trials: Sequence[FrozenTrial]) -> bool:
    states = [t.state for t in trials if t.system_attrs.get(record.WARM_START) == index]
    failed = states.count(TrialState.FAIL)
    return failed >= _CHANCES or failed < len(states)
