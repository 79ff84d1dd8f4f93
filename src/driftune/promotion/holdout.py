"""The rows that the gate judges on: the newest labelled ones, which no search ever sees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError
from driftune.promotion.gate import MOST_HELD
from driftune.promotion.slices import refuse_unknown_slices

MOST_OF_ALL = 1 / 3  # of all rows, where the newest batch is larger

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.problem import Problem
    from driftune.promotion.gate import Gate


def hold_out_newest(
    rows: DataFrame,
    problem: Problem,
    gate: Gate,
    *,
    newest: int | None = None,
    in_order: bool = False,
    seed: int = 0,
) -> tuple[DataFrame, DataFrame]:
    """Split labelled rows into what the search may see and what the gate keeps.

    Args:
        rows: Features with target (and time); rows without a target are left out of both.
        problem: Says which columns are target and time.
        gate: Its ``holdout`` says how much is kept.
        newest: Labelled rows of the newest batch, for the holdout "auto"; None where there is no
            batch yet.
        in_order: The rows of a problem without time arrived in this order, batch after batch.
        seed: For a single table without time, where a random share is kept.

    Returns:
        ``(search rows, promotion rows)``, each in time order and with no row in common.

    Raises:
        DataError: The table has no target or time column, or too few rows for both parts; known
            before any search.
        UsageError: ``gate.slices`` names a column that is not there.
    """
    for column in filter(None, (problem.target, problem.time)):
        if column not in rows.columns:
            raise DataError(f"The table has no column {column!r} (problem {problem.name!r}).")
    refuse_unknown_slices(rows.columns, gate.slices)
    labelled = rows[rows[problem.target].notna()]
    if problem.time:
        labelled = labelled.sort_values(problem.time, kind="stable")
        order = labelled[problem.time].to_numpy()
    elif in_order:
        order = np.arange(len(labelled))
    else:
        if isinstance(gate.holdout, str) and gate.holdout != "auto":
            raise DataError(
                f"gate.holdout = {gate.holdout!r} is a duration, but problem {problem.name!r} has"
                " no `time`; give a share such as 0.2."
            )
        order = np.random.default_rng(seed).permutation(len(labelled))
    held = _sized(gate, len(labelled), newest).holdout_rows(order)
    if held.sum() < gate.min_rows:
        raise DataError(
            f"The gate would keep {held.sum()} labelled rows (gate.holdout = {gate.holdout!r}), but"
            f" gate.min_rows is {gate.min_rows}: keep more, or ask for less certainty with fewer."
        )
    return labelled[~held].reset_index(drop=True), labelled[held].reset_index(drop=True)


def _sized(gate: Gate, rows: int, newest: int | None) -> Gate:
    """Turn the holdout "auto" into a share of the rows."""
    if gate.holdout != "auto" or not rows:
        return gate
    wanted = min(newest, MOST_OF_ALL * rows) if newest else MOST_HELD * rows
    return replace(gate, holdout=min(0.5, max(wanted, gate.min_rows) / rows))
