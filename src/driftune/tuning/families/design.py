"""From encoded columns to what a model without trees needs: no gap, one scale, no codes."""

from __future__ import annotations

from typing import Any

MOST_LEVELS = 100  # columns that one categorical column may become; the rarest share the last one


def build_design(n_columns: int, n_categorical: int) -> Any:
    """An unfitted transformer of the encoded table, ``(n, p)`` with NaN, to a dense or sparse one.

    Categories become one column each, a missing one too where it was missing at fit; one that was
    not there at fit is none of them. Missing numbers become the median, with a column that says
    so; all numbers have mean 0 and variance 1.

    Args:
        n_columns: Columns of the encoded table.
        n_categorical: How many of the first ones are categorical.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_LEVELS)
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True),
        StandardScaler(),
    )
    parts = [
        ("categories", levels, list(range(n_categorical))),
        ("numbers", numbers, list(range(n_categorical, n_columns))),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def group_levels(n_categorical: int, most: int) -> Any:
    """An unfitted transformer that leaves at most ``most`` codes per categorical column.

    The rarest categories share the last code. NaN stays NaN, and a code that was not there at fit
    becomes NaN.

    Args:
        n_categorical: How many of the first columns are categorical.
        most: Codes from 0 on.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        encoded_missing_value=float("nan"),
        max_categories=most,
    )
    return ColumnTransformer(
        [("categories", codes, slice(0, n_categorical))], remainder="passthrough"
    )
