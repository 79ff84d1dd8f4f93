"""Raw files as tables whose columns have the types that are expected."""

from __future__ import annotations

import numpy as np
import pandas as pd
from duckdb import Error as DuckDBError
from ibis import Table
from ibis.expr.datatypes import DataType
from pandas import DataFrame, Series

from driftune.errors import DataError
from driftune.settings import Settings
from driftune.validation.finding import Finding, examples
from driftune.validation.profile import BOOLEAN, NUMBER, TEXT, TIME, UNKNOWN, Profile, make_profile
from driftune.validation.schema import SCHEMA, expected_kinds
from pipelines.raw_files import RawFile

COLUMNS_AT_A_TIME = 4
Kinds = dict[str, str]
NO = {"number": "no number", "time": "no time", "boolean": "neither true nor false"}


def read_batch(
    file: RawFile, settings: Settings, reference: Kinds | None
) -> tuple[DataFrame, Kinds, list[Finding]]:
    """Read a raw file.

    The columns of a Parquet file have the types that it declares. A CSV file declares none: a cell
    that is not what its column holds makes its row a bad one, or, when there are more of them than
    ``validation.max_quarantine_share``, the column one of another type.

    Returns:
        The rows, numbered from 0; column -> kind; what is wrong with single cells.

    Raises:
        DataError: The file cannot be read; one sentence.
    """
    table = file.open()
    kinds = {name: kind_of(dtype) for name, dtype in table.schema().items()}
    expected = expected_kinds(settings, reference)
    guessed = [n for n, kind in expected.items() if n in kinds and kinds[n] != kind]
    if not guessed or file.declares_types:
        rows = _to_pandas(file, table)
        return rows, _without_values(rows, kinds), []
    rows = _to_pandas(file, file.open(as_text=tuple(guessed)))
    findings = []
    for name in guessed:
        made, bad = _cast(rows[name], expected[name])
        if bad.mean() > settings.validation.max_quarantine_share:
            kinds[name] = TEXT
            continue
        if bad.any():
            told = f"{bad.sum():,} of {len(bad):,} rows have {NO[expected[name]]} in {name!r}: "
            findings.append(_bad_cells(name, bad, told + examples(rows[name][bad])))
        rows[name], kinds[name] = made, expected[name]
    return rows, _without_values(rows, kinds), findings


def profile_file(file: RawFile, settings: Settings) -> Profile:
    """Describe the initial rows, a column at a time."""
    table = file.open(as_text=tuple(n for n, k in settings.validation.types.items() if k == TEXT))
    kinds = {name: kind_of(dtype) for name, dtype in table.schema().items()}
    return make_profile(kinds, lambda name: _to_pandas(file, table.select(name))[name], settings)


def kind_of(dtype: DataType) -> str:
    """Return what a column of this Ibis type holds."""
    if dtype.is_boolean():
        return BOOLEAN
    if dtype.is_numeric():
        return NUMBER
    if dtype.is_timestamp() or dtype.is_date():
        return TIME
    if dtype.is_string():
        return TEXT
    return UNKNOWN if dtype.is_null() else str(dtype)


def _to_pandas(file: RawFile, table: Table) -> DataFrame:
    """Read a table, a few columns at a time where the format allows: the peak is near the table.

    The columns of one Arrow table keep one another alive: read as a whole it takes twice that.
    """
    names = list(table.columns)
    step = COLUMNS_AT_A_TIME if file.declares_types else len(names)
    try:
        parts = [
            table.select(*names[at : at + step])
            .to_pyarrow()
            .to_pandas(split_blocks=True, self_destruct=True)
            for at in range(0, len(names), step)
        ]
    except DuckDBError as error:  # what only the last line of a CSV file brings to light
        raise file.unreadable(error) from error
    if len({len(part) for part in parts}) > 1:
        raise DataError(f"{file.path} was replaced while it was read; check it again.")
    return pd.concat(parts, axis=1)


def _without_values(rows: DataFrame, kinds: Kinds) -> Kinds:
    """A column of nothing but missing values is of every type."""
    return {n: UNKNOWN if len(rows) and rows[n].isna().all() else k for n, k in kinds.items()}


def _cast(text: Series, kind: str) -> tuple[Series, np.ndarray]:
    """Return a text column as what it should hold, and which cells are something else."""
    if kind == NUMBER:
        made = pd.to_numeric(text, errors="coerce")
    elif kind == TIME:
        made = pd.to_datetime(text, errors="coerce", format="ISO8601").astype("datetime64[us]")
    elif kind == BOOLEAN:
        words = {"true": True, "false": False, "1": True, "0": False}
        made = text.str.lower().map(words).astype("boolean")
    else:
        return text, np.zeros(len(text), dtype=bool)
    return made, (made.isna() & text.notna()).to_numpy(dtype=bool)


def _bad_cells(name: str, bad: np.ndarray, told: str) -> Finding:
    return Finding(
        SCHEMA, told, name, by_row=True, bad_rows=np.flatnonzero(bad), unexpected=int(bad.sum())
    )
