"""Join labels that arrived late to the rows of their batch.

A later file corrects an earlier one, and both correct what the batch's own file says.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from driftune.label_files import LabelFile
    from driftune.problem import Problem

_ROW, _LINE = "row", "line"


def fill_labels(
    rows: DataFrame, files: Sequence[LabelFile], problem: Problem, batch: str
) -> DataFrame:
    """Return a batch with the labels that arrived late; makes the target's column if need be.

    Args:
        rows: ``(n, columns)`` as they arrived.
        files: Oldest first.
        problem: Says what ids, time and target are.
        batch: Its name, for the error.

    Raises:
        DataError: One label is for several rows.
    """
    import pandas as pd

    found, _ = find_labels(rows, files, problem, batch)
    own = rows.get(problem.target, pd.Series(float("nan"), index=rows.index))
    if found.notna().any():
        own = own.astype(object).where(found.isna(), found).infer_objects()
    return rows.assign(**{problem.target: own})


def find_labels(
    rows: DataFrame, files: Sequence[LabelFile], problem: Problem, batch: str
) -> tuple[Series[Any], list[NDArray[np.intp]]]:
    """Find the labels of a batch, see :func:`fill_labels`.

    Returns:
        The newest label of each row, ``(n,)`` with the index of ``rows``, missing where there is
        none; and for each file the numbers of its lines that are about this batch.

    Raises:
        DataError: One label is for several rows.
    """
    import numpy as np
    import pandas as pd

    found = pd.Series(None, index=range(len(rows)), dtype=object)
    used = []
    for file in files:
        pairs = _pairs(rows, file, problem)
        _refuse_repeated(pairs, file, problem, batch)
        labels = file.rows[problem.target].iloc[pairs[_LINE]]
        found.iloc[pairs[_ROW].to_numpy(dtype=np.intp)] = labels.to_numpy(dtype=object)
        used.append(pairs[_LINE].to_numpy())
    return found.set_axis(rows.index), used


def labels_version(rows: DataFrame, found: Series[Any], target: str) -> str:
    """Return a hash of the labels that say something else than the batch's file; "" for none.

    Args:
        rows: The batch, with its target where it has one.
        found: From :func:`find_labels`.
        target: Its column.
    """
    import pandas as pd

    news = found.notna()
    if target in rows:
        news &= rows[target].astype(object) != found
    if not news.any():
        return ""
    changed = found[news].infer_objects()
    if pd.api.types.is_numeric_dtype(changed):  # 1 and 1.0 are the same label
        changed = changed.astype(float)
    positions = news.to_numpy().nonzero()[0].tolist()
    text = repr(list(zip(positions, changed.tolist(), strict=True)))
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _pairs(rows: DataFrame, file: LabelFile, problem: Problem) -> DataFrame:
    """Return which row and which line of the file have the same keys."""
    import numpy as np
    import pandas as pd

    if not set(file.keys) <= set(rows.columns):
        return pd.DataFrame({_ROW: [], _LINE: []}, dtype=np.intp)
    ours = pd.DataFrame({_ROW: np.arange(len(rows))})
    theirs = pd.DataFrame({_LINE: np.arange(len(file.rows))})
    readable = np.ones(len(file.rows), dtype=bool)
    for key in file.keys:
        ours[f"key {key}"], made = _alike(rows[key], file.rows[key], is_time=key == problem.time)
        theirs[f"key {key}"] = made
        readable &= (made.notna() | file.rows[key].isna()).to_numpy()
    on = [f"key {key}" for key in file.keys]
    return ours.merge(theirs[readable], on=on)[[_ROW, _LINE]]


def _alike(
    rows: Series[Any], labels: Series[Any], *, is_time: bool
) -> tuple[Series[Any], Series[Any]]:
    """Return a key of the rows and of the labels in one type, with fresh indexes.

    A label's key that cannot be brought into it is missing.
    """
    from pandas.api import types

    rows, labels = rows.reset_index(drop=True), labels.reset_index(drop=True)
    if types.is_numeric_dtype(rows) and not types.is_bool_dtype(rows):
        import pandas as pd

        made = pd.to_numeric(labels, errors="coerce")
        if types.is_integer_dtype(rows) and types.is_integer_dtype(made):
            return rows.astype("Int64"), made.astype("Int64")
        return rows.astype(float), made.astype(float)
    if is_time or types.is_datetime64_any_dtype(rows):
        return _as_times(rows), _as_times(labels)
    return _as_texts(rows), _as_texts(labels)


def _as_times(values: Series[Any]) -> Series[Any]:
    """Return UTC time stamps; those without a zone are read as UTC on both sides."""
    import pandas as pd

    times = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    other = times.isna() & values.notna()
    if other.any():  # slow, as each is guessed
        guessed = pd.to_datetime(values[other], utc=True, errors="coerce", format="mixed")
        times = times.astype("datetime64[us, UTC]")
        times[other] = guessed.astype("datetime64[us, UTC]")
    return times.astype("datetime64[us, UTC]")


def _as_texts(values: Series[Any]) -> Series[Any]:
    return values.astype(str).astype(object).where(values.notna(), None)


def _refuse_repeated(pairs: DataFrame, file: LabelFile, problem: Problem, batch: str) -> None:
    repeated = pairs.loc[pairs[_LINE].duplicated(), _LINE]
    if len(repeated):
        line = int(repeated.iloc[0])
        raise DataError(
            f"Batch {batch!r} has {(pairs[_LINE] == line).sum()} rows with {file.name_row(line)},"
            f" and {file.path} has one label for them. {file.how_to_tell_apart(problem)}"
        )
