"""Files of labels that arrive later than their rows: the problem's ids, and the target.

A file has the columns ``ids`` and ``target`` of the problem, and its ``time`` too where ids come
again in other batches. Files are read in the order of their names, as batches are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import DataError, close_match

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from driftune.problem import Problem
    from driftune.settings import Settings


@dataclass(frozen=True)
class LabelFile:
    """One file of labels.

    Attributes:
        path: Where it lies.
        keys: The columns that name a row.
        rows: Those columns and the target; one line for each row that is labelled.
    """

    path: Path
    keys: tuple[str, ...]
    rows: DataFrame

    def name_row(self, line: int) -> str:
        """Say which row a line is about, for an error."""
        values = self.rows.iloc[line]
        return ", ".join(f"{key} = {values[key]}" for key in self.keys)

    def how_to_tell_apart(self, problem: Problem) -> str:
        """Say what would name a row without doubt."""
        if problem.time and problem.time not in self.keys:
            return f"Add the column {problem.time!r} (`time`) to the file."
        return f"Name columns in `ids` of the problem {problem.name!r} that tell rows apart."


def label_paths(settings: Settings) -> list[Path]:
    """Return the files of labels, oldest first by name; none without the key ``labels``.

    Raises:
        DataError: There is no such folder.
    """
    folder = settings.labels
    if folder is None:
        return []
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder} (`labels` of the problem {settings.name!r}): make it, or"
            " correct the key."
        )
    files = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    return [path for path in files if path.suffix in {".csv", ".parquet", ".pq"}]


def read_label_files(settings: Settings) -> list[LabelFile]:
    """Read every file of labels, oldest first.

    Raises:
        DataError: A file cannot be read, lacks a column, holds text for numbers, or has two labels
            for one row; one sentence that names it.
    """
    return [_read(path, settings.problem) for path in label_paths(settings)]


def _read(path: Path, problem: Problem) -> LabelFile:
    table = _parse(path, problem)
    _require_columns(path, table, problem)
    keys = problem.ids
    if problem.time and problem.time in table.columns:
        keys = (*keys, problem.time)
    rows = table[[*keys, problem.target]]
    rows = rows[rows[problem.target].notna()].drop_duplicates().reset_index(drop=True)
    file = LabelFile(path, keys, rows)
    _refuse_text(file, problem)
    _refuse_two_labels(file, problem)
    return file


def _parse(path: Path, problem: Problem) -> DataFrame:
    """Read a file; ids of a CSV file stay text, as 007 is not 7 to every batch."""
    import pandas as pd

    try:
        if path.suffix != ".csv":
            return pd.read_parquet(path)
        texts = dict.fromkeys(problem.ids, str)
        return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:  # ParserError, ArrowInvalid, UnicodeDecodeError
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise DataError(f"{path} cannot be read as a table of labels: {why}.") from error


def _require_columns(path: Path, table: DataFrame, problem: Problem) -> None:
    needed = (*problem.ids, problem.target)
    for column in needed:
        if column not in table.columns:
            known = [str(name) for name in table.columns]
            raise DataError(
                f"{path} has no column {column!r}; a file of labels has the columns"
                f" {', '.join(needed)} (`ids` and `target` of the problem {problem.name!r})."
                f"{close_match(column, known)}"
            )


def _refuse_text(file: LabelFile, problem: Problem) -> None:
    """Refuse labels of a regression that are no numbers."""
    import pandas as pd

    labels = file.rows[problem.target]
    if problem.task != "regression" or labels.empty or pd.api.types.is_numeric_dtype(labels):
        return
    bad = pd.to_numeric(labels, errors="coerce").isna()
    example = labels[bad].iloc[0] if bad.any() else labels.iloc[0]
    raise DataError(
        f"{file.path} has {example!r} in {problem.target!r}, which takes numbers; leave a cell"
        " empty where the label has not arrived."
    )


def _refuse_two_labels(file: LabelFile, problem: Problem) -> None:
    keys = list(file.keys)
    twice = file.rows.duplicated(keys, keep=False).to_numpy().nonzero()[0]
    if not len(twice):
        return
    first = file.rows[file.rows.duplicated(keys)].iloc[:1]
    labels = file.rows.merge(first[keys], on=keys)[problem.target].head(2)
    raise DataError(
        f"{file.path} has different labels for {file.name_row(int(first.index[0]))}:"
        f" {' and '.join(map(str, labels))}. Keep one; a file whose name comes later corrects an"
        " earlier one."
    )
