"""Hyperband's brackets over rungs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.pruners import BasePruner, HyperbandPruner

from driftune.scaling.advise.rungs import ETA

if TYPE_CHECKING:
    import optuna
    from optuna.study import Study
    from optuna.trial import FrozenTrial


class Brackets(BasePruner):
    """Hyperband over the rungs of a ladder, which knows on which of them a trial begins.

    Holds Optuna's pruner instead of being one: a sampler beside Optuna's own is shown the trials of
    one bracket only, and would have to learn everything, and begin anew, in each.

    Args:
        lowest: Rows of the lowest rung; each other rung has ``ETA`` times those of the one below.
        n_rungs: How many there are; there are as many brackets.
    """

    def __init__(self, lowest: int, n_rungs: int) -> None:
        # Optuna finds the number of brackets by a logarithm, which may fall short of a whole number
        # (its pull request 6835): a few rows more than there are make sure.
        most = lowest * ETA ** (n_rungs - 1) + max(1, lowest // 2)
        self._hyperband = HyperbandPruner(lowest, most, ETA)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial is behind the others of its bracket."""
        return self._hyperband.prune(study, trial)

    def first_rung(self, study: Study, trial: FrozenTrial) -> int:
        """The rung on which a trial begins: the number of its bracket, 0 for the fewest rows."""
        if not self._hyperband._pruners:
            self._hyperband._try_initialization(study)
        return self._hyperband._get_bracket_id(study, trial)


def first_rung(trial: optuna.Trial) -> int:
    """The rung on which a trial begins; those below need not be fitted for it."""
    pruner = trial.study.pruner
    if not isinstance(pruner, Brackets):
        return 0
    return pruner.first_rung(trial.study, trial.study.get_trials(deepcopy=False)[trial.number])
