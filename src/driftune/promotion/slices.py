"""Parts of the rows on which a challenger must not be much worse: carriers, regions, price bands.

A mean hides who pays for it. But of a hundred slices of equal models some look worse by chance, so
a slice counts only when it has enough rows and is clear of the noise of all slices together.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.errors import DataError, UsageError, close_match
from driftune.paired import improvement
from driftune.promotion.verdict import SliceVerdict
from driftune.resampling import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pandas import DataFrame, Series

    from driftune.metrics import FloatArray, Metric

Mask: TypeAlias = npt.NDArray[np.bool_]

BINS = 4  # of a numeric column: its quarters
MOST_LEVELS = 20  # a numeric column with fewer values than this is a label: a month, a class
ONE_SD = 0.6827  # the share of a normal distribution within one standard deviation
RESAMPLES = 400  # enough for a standard deviation, which is all that is taken from them


def refuse_unknown_slices(columns: Iterable[str], slices: Iterable[str]) -> None:
    """Refuse a slice by a column that is not there, before anything is tuned.

    Raises:
        UsageError: Names the column and the setting.
    """
    known = list(columns)
    for column in slices:
        if column not in known:
            raise UsageError(f"gate.slices: no column {column!r}.{close_match(column, known)}")


def cut_slices(rows: DataFrame, columns: Iterable[str], *, min_rows: int) -> dict[str, Mask]:
    """Return slices by name, each as a mask (n,) of the rows.

    Args:
        rows: The table that is judged on, in the order of the predictions.
        columns: A text column gives a slice per value, a numeric one its quarters (or a slice per
            value when there are at most 20); missing values are a slice of their own.
        min_rows: Smaller slices are left out.

    Raises:
        UsageError: No such column.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"carrier": ["AA", "AA", "B6", None], "distance": range(4)})
    >>> {name: int(mask.sum()) for name, mask in cut_slices(rows, ["carrier"], min_rows=1).items()}
    {'carrier = AA': 2, 'carrier = B6': 1, 'carrier missing': 1}
    """
    refuse_unknown_slices(rows.columns, columns)
    found = {name: mask for column in columns for name, mask in _cut(rows[column], min_rows)}
    return {name: mask for name, mask in found.items() if mask.sum() >= min_rows}


def judge_slices(
    y: FloatArray,
    theirs: FloatArray,
    ours: FloatArray,
    slices: Mapping[str, Mask],
    *,
    metric: Metric,
    confidence: float,
    min_rows: int,
    seed: int = 0,
) -> list[SliceVerdict]:
    """Compare two models on each slice.

    The standard deviation of each gain comes from a paired block bootstrap within the slice; the
    intervals are normal and as wide as Bonferroni's correction for the number of slices asks, so
    that all of them hold at once with ``confidence``.

    Args:
        y: Targets (n,), none missing.
        theirs: Predictions of the champion.
        ours: Predictions of the challenger.
        slices: Masks (n,) by name.
        metric: What is compared.
        confidence: Of all intervals together.
        min_rows: Smaller slices are not compared, nor those on which the metric is undefined.
        seed: The same seed gives the same intervals.

    Returns:
        The compared slices, the worst first.
    """
    found: list[tuple[str, int, float, float]] = []
    for name, mask in slices.items():
        if mask.sum() < min_rows:
            continue
        try:
            gain = improvement(
                y[mask], theirs[mask], ours[mask],
                metric=metric, confidence=ONE_SD, n_resamples=RESAMPLES, seed=seed,
            )  # fmt: skip
        except DataError:  # one class only, a constant target: nothing to compare
            continue
        found.append((name, int(mask.sum()), gain.value, (gain.high - gain.low) / 2))
    reach = NormalDist().inv_cdf(1 - (1 - confidence) / 2 / max(1, len(found)))
    verdicts = [
        SliceVerdict(name, rows, Interval(value - reach * sd, value, value + reach * sd))
        for name, rows, value, sd in found
    ]
    return sorted(verdicts, key=lambda one: one.improvement.value)


def worse_slices(verdicts: Iterable[SliceVerdict], max_loss: float) -> list[SliceVerdict]:
    """Return the slices that are worse by more than ``max_loss``, and clear of noise."""
    return [v for v in verdicts if v.improvement.value < -max_loss and v.improvement.high < 0]


def _cut(values: Series, min_rows: int) -> Iterator[tuple[str, Mask]]:
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    ordered = is_numeric_dtype(values) or is_datetime64_any_dtype(values)
    if ordered and not is_bool_dtype(values) and values.nunique() > MOST_LEVELS:
        yield from _quarters(values)
    else:
        counts = values.value_counts()  # those with few rows are many: an id has thousands
        for level in counts.index[counts >= min_rows]:
            yield f"{values.name} = {level}", (values == level).to_numpy(dtype=bool, na_value=False)
    yield f"{values.name} missing", values.isna().to_numpy(dtype=bool)


def _quarters(values: Series) -> Iterator[tuple[str, Mask]]:
    import pandas as pd

    bins = pd.qcut(values, BINS, duplicates="drop")
    for interval in bins.cat.categories:
        inside = values[bins == interval]
        yield (
            f"{values.name} {_short(inside.min())} to {_short(inside.max())}",
            (bins == interval).to_numpy(dtype=bool),
        )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float | np.number) else str(value)
