"""A configuration that is known already: what a version was made with, and a quick one like it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from driftune.tuning.result import TuningResult

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = (
    "problem", "family", "metric", "direction", "best_params", "best_value", "best_rounds", "rows",
    "fold_rows", "seed", "max_rows", "row_selection",
    "rounds_exponent",
)  # fmt: skip
HASTE = 0.1  # a probe's least learning rate, and at most so many rounds of it:
ROUNDS = 100
LEAVES = {"num_leaves": 31, "max_leaves": 31, "max_leaf_nodes": 31, "max_depth": 8}


def configuration_of(result: TuningResult) -> dict[str, Any]:
    """Return what a refit needs of a study, as JSON values: no trials."""
    content = result.to_dict()
    return {key: content[key] for key in KEPT}


def known_result(configuration: Mapping[str, Any]) -> TuningResult:
    """Return a result without trials, as :func:`driftune.tuning.refit` takes it.

    A configuration of an earlier version knows no exponent of its rounds, and of no selection of
    rows: it has the defaults.
    """
    import pandas as pd  # here: an idle tick of the watcher imports this module

    return TuningResult(
        **{key: configuration[key] for key in KEPT if key in configuration},
        trials=pd.DataFrame(columns=["number", "state", "value", "source", "params"]),
        by_source=[],
        stop_reason="known",
        llm_cost_usd=0.0,
        llm_calls=0,
        study_name="",
        storage=None,
        seconds=0.0,
        kept_worth={"verdict": "no model"},
    )


def quick(result: TuningResult, rows: int) -> TuningResult:
    """Return a configuration like this one that fits a few thousand rows in a moment.

    Larger steps, fewer rounds and leaves; everything else stays. Two probes are compared with each
    other, so what both lack does not show.

    Args:
        result: The champion's.
        rows: Rows that it will be fitted on; the number of rounds is not scaled for them.
    """
    params = dict(result.best_params)
    for name in ("learning_rate", "eta"):
        if name in params:
            params[name] = max(params[name], HASTE)
    for name, most in LEAVES.items():
        value = params.get(name)
        if isinstance(value, int | float):
            params[name] = min(value, most) if value > 0 else most
    rounds = min(result.best_rounds, ROUNDS)
    return replace(
        result,
        best_params=params,
        best_rounds=rounds,
        fold_rows=rows,
        max_rows=None,
        row_selection="auto",
        constraints={},
    )
