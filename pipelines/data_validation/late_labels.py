"""Labels from files of their own, joined before the rows are checked."""

from __future__ import annotations

from pandas import DataFrame, Series
from pandas.api import types

from driftune.labels import fill_labels
from driftune.settings import Settings
from driftune.validation.profile import BOOLEAN, NUMBER, TEXT, TIME, UNKNOWN
from pipelines.raw_files import RawFile

Kinds = dict[str, str]


def add_late_labels(
    batch: str, rows: DataFrame, kinds: Kinds, file: RawFile, settings: Settings
) -> tuple[DataFrame, Kinds]:
    """Return a batch with the labels that its file of rows does not have, and column -> kind.

    Raises:
        DataError: One label is for several rows.
    """
    if settings.labels is None:
        return rows, kinds
    filled = fill_labels(rows, file.labels, settings.problem, batch)
    return filled, {**kinds, settings.target: _kind(filled[settings.target])}


def keep_late_labels(repaired: DataFrame, before: DataFrame, settings: Settings) -> DataFrame:
    """Give rows that were repaired before their label came that label.

    Args:
        repaired: The rows with their repairs.
        before: The same rows with late labels and without repairs.
        settings: Says which column is the target.
    """
    if settings.target not in before:
        return repaired
    target = repaired[settings.target]
    return repaired.assign(
        **{settings.target: target.where(target.notna(), before[settings.target])}
    )


def _kind(values: Series) -> str:
    if values.isna().all():
        return UNKNOWN
    if types.is_bool_dtype(values):
        return BOOLEAN
    if types.is_numeric_dtype(values):
        return NUMBER
    if types.is_datetime64_any_dtype(values):
        return TIME
    present = values.dropna()
    return BOOLEAN if present.map(lambda value: isinstance(value, bool)).all() else TEXT
