"""Check raw rows with Great Expectations; put bad rows aside; stop on what is critical."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ibis import Table
from pandas import DataFrame

from driftune.errors import DataError, ValidationFailed, close_match
from driftune.settings import Settings
from pipelines.data_validation.expectations import check_rows

REASONS = "_reasons"
ROW = "_row"


def check_batches(
    raw_batches: dict[str, Callable[[], Table]], batch_names: list[str], settings: Settings
) -> tuple[dict[str, DataFrame], dict[str, DataFrame], dict[str, dict[str, Any]]]:
    """Check each batch by the problem's expectations.

    Returns:
        By batch: the good rows; the bad rows with their row number in the file (``_row``) and the
        failed checks (``_reasons``), only where there are any; the report.

    Raises:
        DataError: A batch that was asked for has not arrived.
        ValidationFailed: Its file cannot be read.
    """
    good, bad, reports = {}, {}, {}
    for name in batch_names:
        if name not in raw_batches:
            raise DataError(f"There is no batch {name!r}.{close_match(name, raw_batches)}")
        rows = _open(name, raw_batches[name])
        report, reasons = check_rows(rows, settings.validation)
        good[name] = rows.drop(index=reasons.index)
        if len(reasons):
            bad[name] = rows.loc[reasons.index].assign(**{ROW: reasons.index, REASONS: reasons})
        reports[name] = {"batch": name, **report}
    return good, bad, reports


def _open(name: str, load: Callable[[], Table]) -> DataFrame:
    try:
        return load().to_pandas()
    except DataError as error:
        raise ValidationFailed(f"Batch {name!r} is refused: {error}") from error


def accept_or_stop(
    checked_batches: dict[str, DataFrame],
    validation_reports: dict[str, Callable[[], dict[str, Any]]],
    batch_names: list[str],
) -> dict[str, DataFrame]:
    """Pass the good rows on, unless a batch failed; its report is on disk by now.

    Raises:
        ValidationFailed: Names the batch, the check, the column and the value.
    """
    for name in batch_names:
        report = validation_reports[name]()
        if not report["success"]:
            raise ValidationFailed(f"Batch {name!r} is refused: {report['refusal']}")
    return checked_batches
