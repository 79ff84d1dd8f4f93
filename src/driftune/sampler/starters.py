"""The configurations that a study runs first, one per trial and without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.sampler import record
from driftune.sampler.unit_cube import nearest_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class Starters:
    """Gives each of the first trials a configuration.

    Args:
        configurations: In the order in which they are to run.
    """

    def __init__(self, configurations: Sequence[Mapping[str, Any]]) -> None:
        self._configurations = [dict(configuration) for configuration in configurations]

    def assign(self, study: Study, trial: FrozenTrial) -> None:
        """Note on ``trial`` which configuration it runs, while there are any left.

        Counting only lower numbers gives parallel workers different ones without a lock.
        """
        if not self._configurations or "fixed_params" in trial.system_attrs:
            return
        index = sum(
            record.WARM_START in other.system_attrs
            or (not other.state.is_finished() and "fixed_params" not in other.system_attrs)
            for other in record.read_trials(study)
            if other.number < trial.number
        )
        if index < len(self._configurations):
            facts = {record.WARM_START: index, record.SOURCE: "warm_start"}
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
