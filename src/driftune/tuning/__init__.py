"""Tuning: search space, objective, budget, refit. ``tune() -> TuningResult``.

LightGBM, scikit-learn and Optuna are imported when a study starts, not here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from driftune.tuning.budget import Budget
from driftune.tuning.splitter_choice import Splitter

if TYPE_CHECKING:
    from driftune.tuning.final_fit import predict, refit
    from driftune.tuning.prepared import Prepared, prepare
    from driftune.tuning.progress import TrialProgress, rich_progress
    from driftune.tuning.result import TuningResult
    from driftune.tuning.space import SearchSpace
    from driftune.tuning.study import tune
    from driftune.tuning.table import read_table

_HOMES = {
    "Prepared": "prepared",
    "SearchSpace": "space",
    "TrialProgress": "progress",
    "TuningResult": "result",
    "predict": "final_fit",
    "prepare": "prepared",
    "read_table": "table",
    "refit": "final_fit",
    "rich_progress": "progress",
    "tune": "study",
}

__all__ = [
    "Budget",
    "Prepared",
    "SearchSpace",
    "Splitter",
    "TrialProgress",
    "TuningResult",
    "predict",
    "prepare",
    "read_table",
    "refit",
    "rich_progress",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
