"""Successive halving over rungs of any sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner
from optuna.study import StudyDirection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.tuning.ladder import Rung


class UnevenHalving(BasePruner):
    """Asynchronous successive halving (Li et al., MLSys 2020) where rungs do not grow evenly.

    Optuna's pruner takes a step for a rung when it is the lowest one times a power of a fixed
    factor. Here as large a part climbs as the rung is of the next: of those on an eighth of the
    rows the best eighth climbs to all, of those on a half the better half.

    Args:
        rungs: From few rows to all; a trial reports their rows as its steps.
    """

    def __init__(self, rungs: Sequence[Rung]) -> None:
        self._parts = {low.rows: (low.part, high.part) for low, high in pairwise(rungs)}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial is behind the others that were on its rung."""
        step = trial.last_step
        if step not in self._parts:
            return False
        part, above = self._parts[step]
        known = {t.number: t for t in study.get_trials(deepcopy=False)} | {trial.number: trial}
        seen = [t.intermediate_values for t in known.values() if step in t.intermediate_values]
        values = sorted(
            (each[step] for each in seen), reverse=study.direction == StudyDirection.MAXIMIZE
        )
        climbing = values[: max(1, len(values) * above // part)]
        return trial.intermediate_values[step] not in climbing
