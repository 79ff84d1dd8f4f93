"""What a study works on: the problem, its table as the family takes it, its folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.tuning.encoding import build_encoder
from driftune.tuning.families import Family, Table
from driftune.tuning.prepared import Prepared, prepare
from driftune.tuning.splitters import Fold, folds_for
from driftune.tuning.storage import configuration_digest

if TYPE_CHECKING:
    import pandas as pd

    from driftune.problem import Problem
    from driftune.tuning.space import SearchSpace


@dataclass(frozen=True)
class Task:
    """A problem, its data and its settings, ready for trials."""

    problem: Problem
    prepared: Prepared
    family: Family
    space: SearchSpace
    table: Table
    folds: list[Fold]
    seed: int

    @property
    def digest(self) -> str:
        """Of everything that decides what a score means."""
        return configuration_digest(
            self.problem,
            self.prepared,
            family=self.family.name,
            space=self.space.to_dict(),
            folds=len(self.folds),
            seed=self.seed,
        )


def load_task(
    problem: Problem,
    data: pd.DataFrame,
    family: Family,
    space: SearchSpace,
    n_folds: int,
    seed: int,
) -> Task:
    """Prepare and encode a raw table, and cut its folds.

    Raises:
        DataError: The table cannot be used.
    """
    prepared = prepare(problem, data)
    table = Table(
        X=build_encoder(prepared).fit_transform(prepared.X),
        y=prepared.y,
        n_categorical=len(prepared.categorical),
        n_classes=0 if prepared.classes is None else len(prepared.classes),
        metric=problem.metric_object,
    )
    folds = folds_for(problem, prepared, n_folds, seed=seed)
    return Task(problem, prepared, family, space, table, folds, seed)
