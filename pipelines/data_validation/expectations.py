"""One table against a list of Great Expectations' checks."""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from driftune.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from driftune.settings import Expectation, Validation

EXAMPLES = 3


def check_rows(rows: DataFrame, validation: Validation) -> tuple[dict[str, Any], Series[str]]:
    """Check a table.

    Args:
        rows: The raw rows, numbered from 0.
        validation: The checks, and how many bad rows may be put aside.

    Returns:
        The report (JSON-able), and for each row to quarantine the checks that it failed, by row
        number. A check of single rows quarantines the rows that fail it when it is critical and
        has no ``mostly``; every other critical check refuses the whole batch.
    """
    results = [
        _result(expectation, outcome, len(rows))
        for expectation, outcome in zip(
            validation.expectations, _validate(rows, validation.expectations), strict=True
        )
    ]
    reasons = _reasons(results)
    share = len(reasons) / max(len(rows), 1)
    refusal = _refusal(results, share, validation.max_quarantine_share)
    report = {
        "success": refusal is None,
        "refusal": refusal,
        "rows": len(rows),
        "quarantined": len(reasons),
        "warnings": [r["sentence"] for r in results if r["warned"]],
        "results": [{k: v for k, v in r.items() if k != "bad_rows"} for r in results],
    }
    return report, reasons


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
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all")


def _build(expectation: Expectation, position: int) -> Any:
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
        return get_expectation_impl(expectation.type)(severity=expectation.severity, **arguments)
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


def _result(expectation: Expectation, outcome: dict[str, Any], n_rows: int) -> dict[str, Any]:
    """Boil a result down to what a person, or the quarantine, needs."""
    detail = outcome.get("result") or {}
    error = next(iter((outcome.get("exception_info") or {}).values()), None)
    message = error.get("exception_message") if isinstance(error, dict) else None
    bad_rows = [int(i) for i in detail.get("unexpected_index_list") or []]
    by_row = "unexpected_index_list" in detail or "unexpected_count" in detail
    failed = not outcome["success"]
    critical = expectation.severity == "critical"
    quarantines = critical and by_row and not message and "mostly" not in expectation.arguments
    return {
        "expectation": expectation.type,
        "column": expectation.column,
        "severity": expectation.severity,
        "success": outcome["success"],
        "unexpected": detail.get("unexpected_count"),
        "sentence": _sentence(expectation, detail, message, n_rows),
        "refuses": failed and critical and not quarantines,
        "warned": failed and not critical,
        "quarantines": failed and quarantines,
        "bad_rows": bad_rows if quarantines else [],
    }


def _sentence(
    expectation: Expectation, detail: dict[str, Any], message: str | None, n_rows: int
) -> str:
    where = f" for column {expectation.column!r}" if expectation.column else ""
    limits = ", ".join(f"{k}={v}" for k, v in expectation.arguments.items())
    limit = f" (limit: {limits})" if limits else ""
    if message:
        found = message.splitlines()[0]
    elif detail.get("unexpected_count"):
        examples = detail.get("partial_unexpected_list", [])[:EXAMPLES]
        shown = ", ".join(map(str, examples)) if any(pd.notna(e) for e in examples) else "no value"
        found = f"{detail['unexpected_count']:,} of {n_rows:,} rows have {shown}"
    elif "observed_value" in detail:
        found = f"observed {detail['observed_value']}"
    else:
        found = "not met"
    return f"{expectation.type}{where}{limit}: {found}"


def _reasons(results: list[dict[str, Any]]) -> Series[str]:
    """Collect, for each bad row, the checks that it failed."""
    reasons: dict[int, list[str]] = {}
    for result in results:
        for row in result["bad_rows"]:
            reasons.setdefault(row, []).append(f"{result['expectation']}({result['column']})")
    return pd.Series({row: "; ".join(why) for row, why in sorted(reasons.items())}, dtype=str)


def _refusal(results: list[dict[str, Any]], share: float, limit: float) -> str | None:
    """Say why the batch as a whole cannot be used, or ``None``."""
    for result in results:
        if result["refuses"]:
            return str(result["sentence"])
    if share > limit:
        worst = max(results, key=lambda r: len(r["bad_rows"]))
        return (
            f"{share:.1%} of its rows are bad, more than validation.max_quarantine_share ="
            f" {limit:.1%}; most of them: {worst['sentence']}"
        )
    return None
