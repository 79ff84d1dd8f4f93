"""Which rows may a model be judged on? Those that it has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pandas import DataFrame

Mask: TypeAlias = npt.NDArray[np.bool_]

SEARCH_TAG, ROWS_TAG = "driftune.search_until", "driftune.rows_until"


def seen_rows(rows: DataFrame, time: str | None, until: str, *, first: int | None = None) -> Mask:
    """Return True (n,) for rows that a model may have learned from.

    Args:
        rows: The table, of one problem.
        time: Its time column; None for rows that have no order but that of their arrival.
        until: How far the model has learned, as its tag says: the newest time (ISO 8601, or a
            number where the times are numbers), without a time the number of labelled rows.
        first: Without a time: how many labelled rows arrived before these; None = unknown.

    Returns:
        All True where it cannot be known.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=3)})
    >>> seen_rows(rows, "at", "2024-01-02T00:00:00").tolist()
    [True, True, False]
    >>> seen_rows(rows, None, "11", first=10).tolist()
    [True, False, False]
    """
    if not until or (time is None and first is None):
        return np.full(len(rows), True)
    if time is None:
        assert first is not None
        return np.arange(first, first + len(rows)) < int(until)
    from pandas import Timestamp, to_datetime
    from pandas.api.types import is_numeric_dtype

    when = rows[time]
    if is_numeric_dtype(when):
        return np.asarray(when.to_numpy(dtype=float, na_value=np.nan) <= float(until))
    when = to_datetime(when, utc=True)  # a zone on one side only would be an error
    limit = Timestamp(until)
    limit = limit.tz_localize("UTC") if limit.tzinfo is None else limit.tz_convert("UTC")
    return (when <= limit).to_numpy(dtype=bool)
