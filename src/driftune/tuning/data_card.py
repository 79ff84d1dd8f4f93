"""What a language model may know about a table: counts and shares, no value; names on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.splitters import Fold


NAMES = 50  # column names that are shared at most: a prompt is paid by the word
NAME_LENGTH = 40  # characters of a name; longer ones are cut


def data_card(
    problem: Problem,
    prepared: Prepared,
    folds: list[Fold],
    *,
    share_column_names: bool = False,
) -> dict[str, Any]:
    """Summarise the table in numbers that no row can be read from.

    Args:
        problem: Task and metric.
        prepared: The table.
        folds: How it is cut.
        share_column_names: Add the names of target and features, as JSON strings like any other
            value: the reader of the answers lets nothing through but numbers inside the limits, so
            that a name made of instructions changes nothing.

    Returns:
        JSON values only: rows, columns by kind, shares of missing cells, numbers of categories,
        class shares or the shape of the target, and how the folds are cut. No cell of the table is
        ever among them, and without ``share_column_names`` no column name.
    """
    missing = prepared.X.isna().mean().to_numpy()
    levels = [int(prepared.X[name].nunique()) for name in prepared.categorical]
    card: dict[str, Any] = {
        "task": problem.task,
        "metric": problem.metric,
        "rows": len(prepared.y),
        "numeric_columns": len(prepared.numeric),
        "categorical_columns": len(prepared.categorical),
        "most_categories_in_a_column": max(levels, default=0),
        "missing_share_mean": round(float(missing.mean()), 3),
        "missing_share_max": round(float(missing.max()), 3),
        "validation": "forward in time" if _go_forward(folds) else "shuffled folds",
        "folds": len(folds),
        "training_rows_per_fold": [len(fold.train) for fold in folds],
    }
    names = _names(problem, prepared) if share_column_names else {}
    return card | _target(prepared) | names


def _go_forward(folds: list[Fold]) -> bool:
    return all(fold.train.max() < fold.valid.min() for fold in folds)


def _names(problem: Problem, prepared: Prepared) -> dict[str, Any]:
    """The first names of each kind, cut in number and length."""
    kinds = {"categorical": prepared.categorical, "numeric": prepared.numeric}
    room, shared = NAMES, {}
    for kind, names in kinds.items():
        shared[f"{kind}_column_names"] = [name[:NAME_LENGTH] for name in names[:room]]
        room -= len(names[:room])
    left_out = max(0, len(prepared.feature_names) - NAMES)
    return {"target_name": problem.target[:NAME_LENGTH], **shared, "names_left_out": left_out}


def _target(prepared: Prepared) -> dict[str, Any]:
    y = prepared.y
    if prepared.classes is not None:
        shares = np.sort(np.bincount(y) / len(y))[::-1]
        return {"class_shares": [round(float(share), 3) for share in shares[:10]]}
    centred = (y - y.mean()) / y.std()
    return {
        "target_spread_over_mean": round(float(y.std() / max(abs(y.mean()), 1e-12)), 3),
        "target_skewness": round(float(np.mean(centred**3)), 2),
        "target_kurtosis": round(float(np.mean(centred**4) - 3), 2),
    }
