"""What a study works on: the problem, its table as the family takes it, its folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import UsageError
from driftune.tuning.encoding import build_encoder
from driftune.tuning.families import Family, Table
from driftune.tuning.fold_plan import folds_for
from driftune.tuning.prepared import Prepared, prepare
from driftune.tuning.row_limit import take_rows
from driftune.tuning.splitter_choice import Splitter
from driftune.tuning.splitters import Fold, folds_digest
from driftune.tuning.storage import configuration_digest

if TYPE_CHECKING:
    import pandas as pd

    from driftune.problem import Problem
    from driftune.tuning.budget import RowSelection
    from driftune.tuning.space import SearchSpace
    from driftune.tuning.splitter_choice import CrossValidator


@dataclass(frozen=True)
class Task:
    """A problem, its data and its settings, ready for trials.

    Attributes:
        rows_held_back: Labelled rows of the table that the study may not use.
    """

    problem: Problem
    prepared: Prepared
    family: Family
    space: SearchSpace
    table: Table
    folds: list[Fold]
    seed: int
    rows_held_back: int = 0

    @property
    def digest(self) -> str:
        """Of everything that decides what a score means."""
        return configuration_digest(
            self.problem,
            self.prepared,
            family=self.family.name,
            space=self.space.to_dict(),
            folds=folds_digest(self.folds),
            seed=self.seed,
        )


def load_task(  # noqa: PLR0913 - each one choice of a study, keyword-only where few make it
    problem: Problem,
    data: pd.DataFrame,
    family: Family,
    space: SearchSpace,
    n_folds: int,
    seed: int,
    *,
    splitter: Splitter | CrossValidator | None = None,
    max_rows: int | None = None,
    row_selection: RowSelection = "auto",
) -> Task:
    """Prepare and encode a raw table, and cut its folds.

    Args:
        problem: What is predicted.
        data: Raw table.
        family: The algorithm.
        space: What is searched.
        n_folds: Validation folds, where the splitter does not say.
        seed: Of the folds, of the fits and of the choice of rows.
        splitter: How the folds are cut.
        max_rows: Most labelled rows to use; see :func:`driftune.tuning.row_limit.take_rows`.
        row_selection: Which ones.

    Raises:
        DataError: The table cannot be used.
        UsageError: The splitter's groups are a feature, or the choice of rows would take minutes.
    """
    everything = prepare(_grouped(problem, splitter), data)
    prepared = take_rows(everything, max_rows, selection=row_selection, seed=seed)
    table = Table(
        X=build_encoder(prepared).fit_transform(prepared.X),
        y=prepared.y,
        n_categorical=len(prepared.categorical),
        n_classes=0 if prepared.classes is None else len(prepared.classes),
        metric=problem.metric_object,
    )
    folds = folds_for(problem, prepared, n_folds, seed=seed, splitter=splitter)
    held_back = len(everything.y) - len(prepared.y)
    return Task(problem, prepared, family, space, table, folds, seed, held_back)


def _grouped(problem: Problem, splitter: Splitter | CrossValidator | None) -> Problem:
    """The problem with the splitter's column of groups in the place of its own."""
    group = splitter.group if isinstance(splitter, Splitter) else None
    if group is None or group == problem.group:
        return problem
    if group not in {problem.time, *problem.ids, *problem.drop}:
        raise UsageError(
            f"tuning.splitter.group {group!r} is a feature of the problem {problem.name!r}, and a"
            " model must not know the groups by name: write `group` into the problem, or add the"
            " column to its `ids`."
        )
    return problem.model_copy(update={"group": group})
