"""Rows that somebody has repaired: an overlay on the raw batch, by stable row id.

The file that arrived is never changed. A repaired row replaces the raw one of the same id each
time the batch is checked, so a requeue that is done twice, or a batch that is delivered again in
another order, has each row once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.errors import DataError
from driftune.files import replace_file
from driftune.validation.batch import QUARANTINE_COLUMNS, ROW_ID

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pandas import DataFrame, Series


def apply_repairs(
    rows: DataFrame, ids: NDArray[np.str_], repaired: DataFrame
) -> tuple[DataFrame, int]:
    """Replace rows by their repaired ones.

    Args:
        rows: The raw rows, numbered from 0.
        ids: Their stable ids, ``(n,)``.
        repaired: Repaired rows with their ``_row_id``.

    Returns:
        The rows in their order, and how many of them were replaced; repaired rows whose raw row
        is no longer in the file are left out.
    """
    number = pd.Series(np.arange(len(ids)), index=ids)
    here = repaired[repaired[ROW_ID].isin(number.index)]
    if here.empty:
        return rows, 0
    fixed = here.drop(columns=ROW_ID).set_index(number[here[ROW_ID]].to_numpy())
    fixed = fixed.reindex(columns=rows.columns)
    whole = pd.concat([rows.drop(index=fixed.index), fixed]).sort_index()
    return whole, len(fixed)


def read_repairs(path: Path) -> DataFrame | None:
    """Return the repaired rows of a batch, or ``None``.

    Raises:
        DataError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError) as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise DataError(
            f"The repaired rows in {path} cannot be read: {why}. Remove the file and"
            " `driftune requeue` them again."
        ) from error


def write_repairs(path: Path, repaired: DataFrame) -> None:
    """Keep repaired rows, whole or not at all; without a row there is no file."""
    if repaired.empty:
        path.unlink(missing_ok=True)
        return
    with replace_file(path) as temporary:
        repaired.sort_values(ROW_ID).to_parquet(temporary, index=False)


def merge_repairs(earlier: DataFrame | None, new: DataFrame) -> DataFrame:
    """Return both; a row repaired again replaces its earlier repair."""
    if earlier is None:
        return new
    return pd.concat([earlier[~earlier[ROW_ID].isin(new[ROW_ID])], new], ignore_index=True)


def read_edited(file: Path, like: DataFrame) -> DataFrame:
    """Read rows that somebody has edited, by hand in a CSV file or by program.

    Args:
        file: CSV or Parquet with ``_row_id`` and the columns of the quarantine.
        like: The quarantined rows, whose types the edited ones take.

    Raises:
        DataError: No such file, no ``_row_id``, a column is missing, one id twice, or a value is
            not of its column's type; names the row.
    """
    if not file.is_file():
        raise DataError(f"There is no file {file}.")
    if file.suffix == ".csv":
        edited = pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
    else:
        edited = pd.read_parquet(file)
    columns = [name for name in like.columns if name not in QUARANTINE_COLUMNS]
    for name in (ROW_ID, *columns):
        if name not in edited.columns:
            raise DataError(f"{file} has no column {name!r}, which quarantined rows have.")
    twice = edited[ROW_ID][edited[ROW_ID].duplicated()]
    if len(twice):
        raise DataError(f"{file} has the row {twice.iloc[0]} twice.")
    made = {name: _typed(edited, name, like[name], file) for name in columns}
    return pd.DataFrame({ROW_ID: edited[ROW_ID].astype(str), **made})


def _typed(edited: DataFrame, name: str, like: Series[Any], file: Path) -> Series[Any]:
    """Return a column in the type that it has in the quarantine."""
    values = edited[name]
    if values.dtype == like.dtype:
        return values
    present = values.notna()
    if pd.api.types.is_bool_dtype(like):
        typed: Any = values.astype(str).str.lower().map({"true": True, "false": False})
    elif pd.api.types.is_numeric_dtype(like):
        typed = pd.to_numeric(values, errors="coerce")
    elif pd.api.types.is_datetime64_any_dtype(like):
        typed = pd.to_datetime(values, errors="coerce").astype(like.dtype)
    else:
        typed = values.astype(like.dtype)
    wrong = edited[present & typed.isna()]
    if len(wrong):
        raise DataError(
            f"{file}: row {wrong[ROW_ID].iloc[0]} has {wrong[name].iloc[0]!r} in {name!r},"
            f" which is {like.dtype}."
        )
    result: Series[Any] = typed
    return result
