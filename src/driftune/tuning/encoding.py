"""Raw features to numbers: one encoder for the search, the refit and the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.compose import ColumnTransformer

    from driftune.tuning.prepared import Prepared


def as_text(columns: pd.DataFrame) -> pd.DataFrame:
    """Values as text, missing ones as None, so that a category is the same in every file type."""
    text = columns.astype(object)
    return text.where(text.isna(), text.astype(str)).where(text.notna(), None)


def as_float(columns: pd.DataFrame) -> NDArray[np.floating[Any]]:
    """Numbers and booleans as ``(n, p)`` floats, missing ones as NaN.

    float32 where that holds the values of every column exactly, which halves the memory of a search
    and changes no model; else float64.

    Raises:
        DataError: A column holds something else.
    """
    names = list(columns.columns)
    narrow = all(_fits_float32(columns[name]) for name in names)
    floats = np.empty(columns.shape, dtype=np.float32 if narrow else np.float64)
    for place, name in enumerate(names):  # one column at a time: no second copy of the table
        floats[:, place] = _numbers(columns[name])
    return floats


def _fits_float32(column: pd.Series[Any]) -> bool:
    kind = getattr(column.dtype, "numpy_dtype", column.dtype)  # of pandas' types with missing cells
    return isinstance(kind, np.dtype) and np.can_cast(kind, np.float32)


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    if column.dtype == object:  # numbers beside None or pandas.NA
        column = column.where(column.notna(), np.nan)
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"Column {column.name!r} must hold numbers: {error}.") from error


def build_encoder(prepared: Prepared) -> ColumnTransformer:
    """An unfitted encoder of the raw feature table to ``(n, p)`` floats.

    The categorical columns come first, as category numbers 0, 1, ...; a missing category and one
    that was not there at fit become NaN. Columns that are not features are left out.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    codes = OrdinalEncoder(
        dtype=np.float32,  # exact for 16 million categories
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    text = FunctionTransformer(as_text, feature_names_out="one-to-one")
    numbers = FunctionTransformer(as_float, feature_names_out="one-to-one")
    steps: list[tuple[str, Any, list[str]]] = [
        ("categorical", Pipeline([("text", text), ("codes", codes)]), list(prepared.categorical)),
        ("numeric", numbers, list(prepared.numeric)),
    ]
    return ColumnTransformer(
        [step for step in steps if step[2]],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    )
