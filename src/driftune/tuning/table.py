"""Read a table from disk, with one clear sentence when that cannot be done."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from driftune.errors import DataError, close_match

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Args:
        path: A file ending in ``.csv`` or ``.parquet``.

    Returns:
        All rows and columns, with a fresh ``RangeIndex``.

    Raises:
        DataError: No such file, another ending, no rows, two columns of one name, or a file that
            cannot be parsed.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} ends in {path.suffix or 'nothing'!r}; tables are read from .csv or .parquet."
        )
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*") if p.suffix.lower() in SUFFIXES]
        raise DataError(f"There is no file {path}.{close_match(path.name, siblings)}")
    frame = _parse(path)
    if frame.empty:
        raise DataError(f"{path} has no rows.")
    return frame.reset_index(drop=True)


def _parse(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        frame = pd.read_csv(path, low_memory=False)
        _refuse_twice_named(path)
        return frame
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} has no rows.") from error
    except (ValueError, OSError) as error:  # ParserError, ArrowInvalid, UnicodeDecodeError
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise DataError(f"{path} cannot be read as a table: {reason}.") from error


def _refuse_twice_named(path: Path) -> None:
    """Refuse a header that pandas would mend in silence: the second ``x`` becomes ``x.1``."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            header = next((row for row in csv.reader(stream) if row), [])
        except csv.Error:  # pandas could read it; a second opinion is not needed
            return
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(f"{path} has two columns called {twice[0]!r}: rename one.")
