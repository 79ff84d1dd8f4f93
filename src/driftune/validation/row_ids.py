"""A name for each row that survives another order, another file and a repair beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from driftune.problem import Problem

MISSING = np.uint64(0x9E3779B97F4A7C15)
FACTOR = np.uint64(0x100000001B3)


def row_ids(
    rows: DataFrame, problem: Problem, only: NDArray[np.int64] | None = None
) -> NDArray[np.str_]:
    """Name each row by a hash of what identifies it.

    That is the problem's ``ids`` and ``time`` where it has ids, else every column but the target,
    so that a label that arrives late does not rename its row. Rows that share all of it are
    numbered by their whole content. Neither the order of the rows or columns, nor the file format
    or number type (1 and 1.0), changes an id.

    Args:
        rows: ``(n, columns)``; missing values are allowed.
        problem: Says what identifies a row.
        only: Numbers of the rows to name, ``(k,)``; default: all.

    Returns:
        ``(k,)`` text: 16 hexadecimal digits, with ``-1``, ``-2`` ... for further rows of one name.

    Example:
        >>> from driftune.problem import Problem
        >>> flights = pd.DataFrame({"id": [7, 8], "y": [1.5, None]})
        >>> named = row_ids(flights, Problem(name="a", target="y", metric="rmse", ids=("id",)))
        >>> bool((row_ids(flights[::-1], Problem(name="a", target="y", metric="rmse", ids=("id",)))
        ...     == named[::-1]).all())
        True
    """
    named = [*problem.ids, *filter(None, [problem.time])]
    identity = [name for name in named if name in rows.columns]
    if not set(problem.ids) & set(rows.columns):
        identity = [name for name in rows.columns if name != problem.target]
    keys = hash_rows(rows, identity)
    only = np.arange(len(rows)) if only is None else only
    names = np.char.mod("%016x", keys[only])
    shared = pd.Series(keys).duplicated(keep=False).to_numpy()[only]
    if shared.any():
        alike = np.flatnonzero(np.isin(keys, keys[only[shared]]))
        ranks = pd.Series(_ranks(keys[alike], rows.iloc[alike]), index=alike)
        further = [f"-{rank}" if rank else "" for rank in ranks[only[shared]]]
        names = names.astype("U24")
        names[shared] = np.char.add(names[shared], further)
    return names


def hash_rows(rows: DataFrame, columns: list[str]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of some columns of each row, ``(n,)``; the columns' order is free."""
    combined = np.zeros(len(rows), dtype=np.uint64)
    for name in sorted(columns):
        salt = pd.util.hash_array(np.array([name], dtype=object))[0]
        with np.errstate(over="ignore"):
            combined = (combined ^ _hash_column(rows[name]) ^ salt) * FACTOR
            combined ^= combined >> np.uint64(29)  # a product alone leaves the low bits weak
    return combined


def _ranks(keys: NDArray[np.uint64], rows: DataFrame) -> NDArray[np.int64]:
    """Number rows of one key from 0, by their whole content."""
    content = pd.Series(hash_rows(rows, list(rows.columns)))
    return content.groupby(keys).rank(method="first").to_numpy().astype(np.int64) - 1


def _hash_column(values: Series[Any]) -> NDArray[np.uint64]:
    """Hash by value, not by type: whole numbers hash alike in every number type."""
    missing = values.isna().to_numpy()
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        hashed = _hash_numbers(values.to_numpy(dtype=None, na_value=0))
    elif pd.api.types.is_datetime64_any_dtype(values):
        naive = values.dt.tz_convert(None) if values.dt.tz is not None else values
        hashed = pd.util.hash_array(naive.astype("datetime64[us]").astype("int64").to_numpy())
    else:
        hashed = pd.util.hash_array(values.astype(str).to_numpy(dtype=object))
    hashed = hashed.astype(np.uint64)
    hashed[missing] = MISSING
    return hashed


def _hash_numbers(numbers: NDArray[Any]) -> NDArray[np.uint64]:
    if numbers.dtype.kind in "biu":
        return pd.util.hash_array(numbers.astype(np.int64))
    numbers = numbers.astype(np.float64)
    hashed = pd.util.hash_array(numbers)
    whole = (np.abs(numbers) < 2**53) & (np.floor(numbers) == numbers)
    hashed[whole] = pd.util.hash_array(numbers[whole].astype(np.int64))
    return hashed
