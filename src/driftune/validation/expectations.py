"""One table against a list of Great Expectations' checks."""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.errors import UsageError
from driftune.validation.finding import Finding, examples, no_rows

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.settings import Expectation


def check_expectations(rows: DataFrame, expectations: tuple[Expectation, ...]) -> list[Finding]:
    """Run the checks of a problem's YAML file on a table.

    Args:
        rows: The rows, numbered from 0.
        expectations: The checks. One of single rows puts the rows aside that fail it when it is
            critical and has no ``mostly``; every other critical one refuses the whole batch.

    Returns:
        One finding each, in order. Nothing is imported when there is no expectation.

    Raises:
        UsageError: There is no such expectation, or it cannot take these arguments.
    """
    return [
        _finding(expectation, outcome, len(rows))
        for expectation, outcome in zip(expectations, _validate(rows, expectations), strict=True)
    ]


def _validate(rows: DataFrame, expectations: tuple[Expectation, ...]) -> list[dict[str, Any]]:
    """Run the checks one table at a time; returns Great Expectations' own results, in order."""
    if not expectations:
        return []
    import great_expectations as gx

    batch = _batch_definition().get_batch(batch_parameters={"dataframe": rows})
    suite = gx.ExpectationSuite(
        name="rows", expectations=[_build(e, i) for i, e in enumerate(expectations)]
    )
    outcome = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    by_id = {r.expectation_config.meta["position"]: r.to_json_dict() for r in outcome.results}
    return [by_id[position] for position in range(len(expectations))]


@lru_cache(maxsize=1)
def _batch_definition() -> Any:
    """An in-memory context; nothing is written and no telemetry leaves."""
    import great_expectations as gx

    os.environ.setdefault("TQDM_DISABLE", "1")
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.ERROR)  # the second has a level of its own
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all")


def _build(expectation: Expectation, position: int) -> Any:
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    known = list_registered_expectation_implementations()
    if expectation.type not in known:
        raise UsageError(
            f"There is no expectation {expectation.type!r} (validation.expectations)."
            f"{_near(expectation.type, known)}"
        )
    arguments = {**expectation.arguments, "meta": {"position": position}}
    if expectation.column is not None:
        arguments["column"] = expectation.column
    try:
        severity = FailureSeverity(expectation.severity)
        return get_expectation_impl(expectation.type)(severity=severity, **arguments)
    except (TypeError, ValueError) as error:
        why = " ".join(str(error).splitlines()[:3])
        raise UsageError(
            f"Expectation {expectation.type!r} cannot take {expectation.arguments}: {why}"
        ) from None


def _near(name: str, known: list[str]) -> str:
    """Name a few expectations that may have been meant; all of them would fill the screen."""
    near = get_close_matches(name, known, n=3)
    if near:
        return f" Did you mean {' or '.join(map(repr, near))}?"
    return " Their names are like expect_column_values_to_be_between."


def _finding(expectation: Expectation, outcome: dict[str, Any], n_rows: int) -> Finding:
    """Boil a result down to what a person, or the quarantine, needs."""
    detail = outcome.get("result") or {}
    error = next(iter((outcome.get("exception_info") or {}).values()), None)
    message = error.get("exception_message") if isinstance(error, dict) else None
    by_row = "unexpected_index_list" in detail or "unexpected_count" in detail
    by_row = by_row and not message and "mostly" not in expectation.arguments
    bad_rows = detail.get("unexpected_index_list") or []
    return Finding(
        expectation.type,
        _sentence(expectation, outcome, message, n_rows),
        expectation.column,
        severity=expectation.severity,
        success=outcome["success"],
        by_row=by_row,
        bad_rows=np.asarray(bad_rows, dtype=np.int64) if by_row else no_rows(),
        unexpected=detail.get("unexpected_count"),
    )


def _sentence(
    expectation: Expectation, outcome: dict[str, Any], message: str | None, n_rows: int
) -> str:
    detail = outcome.get("result") or {}
    where = f" for column {expectation.column!r}" if expectation.column else ""
    limits = ", ".join(f"{k}={v}" for k, v in expectation.arguments.items())
    limit = f" (limit: {limits})" if limits else ""
    if message:
        found = message.splitlines()[0]
    elif detail.get("unexpected_count"):
        wrong = detail.get("partial_unexpected_list", [])
        shown = examples(map(str, wrong)) if any(pd.notna(e) for e in wrong) else "no value"
        found = f"{detail['unexpected_count']:,} of {n_rows:,} rows have {shown}"
    elif "observed_value" in detail:
        found = f"observed {detail['observed_value']}"
    else:
        found = "met" if outcome["success"] else "not met"
    return f"{expectation.type}{where}{limit}: {found}"
