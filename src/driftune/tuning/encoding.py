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


def as_float(columns: pd.DataFrame) -> NDArray[np.float64]:
    """Numbers and booleans as float64, missing ones as NaN.

    Raises:
        DataError: A column holds something else.
    """
    return np.column_stack([_numbers(columns[name]) for name in columns.columns])


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    if column.dtype == object:  # numbers beside None or pandas.NA
        column = column.where(column.notna(), np.nan)
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"Column {column.name!r} must hold numbers: {error}.") from error


def build_encoder(prepared: Prepared) -> ColumnTransformer:
    """An unfitted encoder of the raw feature table to ``(n, p)`` float64.

    The categorical columns come first, as category numbers 0, 1, ...; a missing category and one
    that was not there at fit become NaN. Columns that are not features are left out.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
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
