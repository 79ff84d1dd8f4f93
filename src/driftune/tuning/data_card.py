"""What a language model may know about a table: counts and shares, no value and no name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.splitters import Fold


def data_card(problem: Problem, prepared: Prepared, folds: list[Fold]) -> dict[str, Any]:
    """Summarise the table in numbers that no row can be read from.

    Returns:
        JSON values only: rows, columns by kind, shares of missing cells, numbers of categories,
        class shares or the shape of the target, and how the folds are cut. Neither a column name
        nor a cell of the table is among them.
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
        "validation": "forward in time" if prepared.time is not None else "shuffled folds",
        "folds": len(folds),
        "training_rows_per_fold": [len(fold.train) for fold in folds],
    }
    return card | _target(prepared)


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
