"""From a raw table to features and an encoded target, refusing what a model cannot use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, close_match

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from driftune.problem import Problem

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Features and target of the labelled rows, in time order when there is a time column.

    Attributes:
        X: Raw feature columns, ``(n, p)``; missing values allowed.
        y: ``(n,)``. Regression: floats. Otherwise class numbers 0..k-1, no NaN.
        time: The time of each row, ascending, or ``None``.
        feature_names: Columns of ``X``.
        categorical: The features that hold text or categories.
        classes: Labels in sorted order, so that ``classes[y]`` is the target; ``None`` for
            regression. The positive class of a binary problem is the second.
        unlabelled: Rows left out because their target is missing.
        groups: ``(n,)`` number of each row's group, or ``None`` without a group column.
    """

    X: pd.DataFrame
    y: NDArray[Any]
    time: pd.Series[Any] | None
    feature_names: tuple[str, ...]
    categorical: tuple[str, ...]
    classes: NDArray[Any] | None
    unlabelled: int
    groups: NDArray[np.intp] | None = None

    @property
    def numeric(self) -> tuple[str, ...]:
        """The features that are not categorical."""
        return tuple(name for name in self.feature_names if name not in self.categorical)


def prepare(problem: Problem, frame: pd.DataFrame) -> Prepared:
    """Split a table into features, target and time, and check every column.

    Args:
        problem: Names the target, time, id and dropped columns.
        frame: One row per case. It is not changed.

    Raises:
        DataError: A column is missing, or cannot be used as what the problem says it is.
    """
    _check_names(problem, frame)
    frame = frame.reset_index(drop=True)  # messages count rows from here
    labelled = frame[problem.target].notna()
    if not labelled.any():
        raise DataError(f"Every value of the target {problem.target!r} is missing.")
    frame_labelled = frame if labelled.all() else frame[labelled]  # a mask copies the table
    _check_target(problem, frame_labelled[problem.target])
    dropped = {problem.target, problem.time, problem.group, *problem.ids, *problem.drop}
    features = [name for name in frame.columns if name not in dropped]
    if not features:
        raise DataError("No feature column is left; check `ids` and `drop` of the problem.")
    categorical = tuple(str(name) for name in features if is_categorical(frame_labelled[name]))
    rows, time = _in_time_order(problem, frame_labelled)
    y, classes = _target(problem, rows[problem.target])
    X = rows[features]
    unlabelled = int((~labelled).sum())
    if unlabelled:
        noun = "row" if unlabelled == 1 else "rows"
        logger.warning("%s %s without a target left out", f"{unlabelled:,}", noun)
    return Prepared(
        X=X,
        y=y,
        time=time,
        feature_names=tuple(map(str, X.columns)),
        categorical=categorical,
        classes=classes,
        unlabelled=unlabelled,
        groups=_groups(rows[problem.group]) if problem.group else None,
    )


def _check_names(problem: Problem, frame: pd.DataFrame) -> None:
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"The table has two columns called {name!r}.")
    names = [str(name) for name in frame.columns]
    wanted = {"target": [problem.target], "time": [problem.time] if problem.time else []}
    wanted |= {"ids": list(problem.ids), "drop": list(problem.drop)}
    wanted |= {"group": [problem.group] if problem.group else []}
    for setting in ("time", "ids", "drop", "group"):
        if problem.target in wanted[setting]:
            raise DataError(
                f"The target {problem.target!r} is named by `{setting}` of the problem too: it can"
                " only be one of them."
            )
    for setting, columns in wanted.items():
        for column in columns:
            if column not in names:
                raise DataError(
                    f"The table has no column {column!r} (`{setting}` of the problem)."
                    + close_match(column, names)
                )


def _in_time_order(
    problem: Problem, frame: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series[Any] | None]:
    import pandas as pd

    if problem.time is None:
        return frame.reset_index(drop=True), None
    time = frame[problem.time]
    if not (pd.api.types.is_numeric_dtype(time) or pd.api.types.is_datetime64_any_dtype(time)):
        time = pd.to_datetime(time, errors="coerce", utc=True, format="mixed")
    bad = time.isna().to_numpy()
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"{int(bad.sum())} rows have no usable time in {problem.time!r}, the first being row "
            f"{_row_number(frame, at)} with {frame[problem.time].iloc[at]!r}."
        )
    if pd.api.types.is_float_dtype(time):
        _refuse_fractions(frame[problem.time])
    if time.is_monotonic_increasing:
        return frame.reset_index(drop=True), time.reset_index(drop=True)
    order = np.argsort(time.to_numpy(), kind="stable")
    return frame.iloc[order].reset_index(drop=True), time.iloc[order].reset_index(drop=True)


def _groups(column: pd.Series[Any]) -> NDArray[np.intp]:
    missing = int(column.isna().sum())
    if missing:
        raise DataError(f"{missing} labelled rows have no group in {column.name!r}.")
    return np.unique(column.to_numpy(), return_inverse=True)[1].astype(np.intp)


def _refuse_fractions(time: pd.Series[Any]) -> None:
    """Refuse numbers that are hardly a time; whole ones may be years or Unix seconds."""
    fractions = np.mod(time.to_numpy(dtype=float), 1) != 0  # also of an infinite one
    if fractions.any():
        at = int(np.argmax(fractions))
        raise DataError(
            f"The time column {time.name!r} has {float(time.iloc[at])!r} in row"
            f" {_row_number(time, at)}: it must hold dates, or whole numbers such as years or Unix"
            " seconds."
        )


def _row_number(frame: pd.DataFrame | pd.Series[Any], position: int) -> int:
    """The row of the user's table, counted from 1 without the header."""
    return int(frame.index[position]) + 1


def _check_target(problem: Problem, target: pd.Series[Any]) -> None:
    """Refuse a target that cannot be learnt; its index counts the rows of the user's table."""
    import pandas as pd

    if target.nunique() < 2:
        raise DataError(
            f"The target {problem.target!r} has the same value in every row: nothing to learn."
        )
    if problem.task != "regression":
        return
    if not pd.api.types.is_numeric_dtype(target):
        _refuse_text_among_numbers(target, "The target")
        raise DataError(
            f"The target {problem.target!r} is not numeric (first value {target.iloc[0]!r}), "
            f"but the metric {problem.metric!r} needs numbers."
        )
    infinite = ~np.isfinite(target.to_numpy(dtype=float))
    if infinite.any():
        row = _row_number(target, int(np.argmax(infinite)))
        raise DataError(f"The target {problem.target!r} has infinite values, e.g. in row {row}.")


def _target(problem: Problem, target: pd.Series[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if problem.task == "regression":
        return target.to_numpy(dtype=float), None
    plain = target.to_numpy() if target.dtype != "category" else np.asarray(target)
    classes, y = np.unique(plain, return_inverse=True)
    if problem.task == "binary" and len(classes) != 2:
        raise DataError(
            f"The target {problem.target!r} has {len(classes)} classes, but the metric "
            f"{problem.metric!r} needs exactly two."
        )
    return y.astype(np.int64), classes


def is_categorical(column: pd.Series[Any]) -> bool:
    """Tell text from numbers, and refuse a column that is neither.

    Args:
        column: One feature of the labelled rows, indexed by row of the user's table.

    Raises:
        DataError: All missing, a date, or numbers mixed with a little text.
    """
    import pandas as pd

    name = column.name
    if column.isna().all():
        raise DataError(
            f"Column {name!r} is empty in every labelled row; add it to `drop` of the problem."
        )
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise DataError(
            f"Column {name!r} holds dates; add it to `drop` of the problem, or replace it by "
            "numbers such as day of week and hour."
        )
    if pd.api.types.is_numeric_dtype(column):
        return False
    if column.dtype != "category":
        _refuse_text_among_numbers(column)
    return True


MOSTLY = 0.8  # above this share of numbers, the rest is a mistake and not a code


def _refuse_text_among_numbers(column: pd.Series[Any], what: str = "Column") -> None:
    import pandas as pd

    present = column.dropna()
    parsed = pd.to_numeric(present.astype(str), errors="coerce").notna().to_numpy()
    if parsed.all() or parsed.mean() < MOSTLY:
        return
    at = int(np.argmin(parsed))
    otherwise = ", or leave the column out with `drop`" if what == "Column" else ""
    raise DataError(
        f"{what} {column.name!r} is numeric except for text such as {present.iloc[at]!r} in row "
        f"{_row_number(present, at)} ({int((~parsed).sum())} of {len(present)} values): write the "
        f"numbers without text, or empty these cells{otherwise}."
    )
