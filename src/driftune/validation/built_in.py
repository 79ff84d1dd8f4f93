"""The checks that need no setting: by rules learned from the initial rows.

Each is a function of a :class:`Context` that yields findings; ``validation.built_in`` says how bad
a failure is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.durations import read_duration
from driftune.validation.finding import Finding, examples
from driftune.validation.profile import NUMBER, TEXT, TIME, magnitude_of
from driftune.validation.row_ids import hash_rows
from driftune.validation.schema import needed_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from driftune.settings import Settings
    from driftune.validation.profile import Profile

NATURAL_DUPLICATES = 0.01  # above it, equal rows are how this table is
CLOCK = pd.Timedelta(days=1)  # local times may be ahead of UTC
UNIT_FACTOR = 30.0  # units differ by 60, 100, 1000 ...; seasons by less
UNIT_ROWS = 20
ALL_NULL_CHANCE = 1e-3
CONSTANT_ROWS = 50
TARGET_SPANS = 3.0
UNSEEN_SHARE = 0.05
SIZE_FACTOR = 5.0
SIZE_BATCHES = 3


@dataclass(frozen=True)
class Context:
    """What a built-in check may look at.

    Attributes:
        rows: The batch, numbered from 0.
        kinds: Column -> kind of the batch.
        settings: The problem.
        reference: The initial rows; ``None`` when the batch is these.
        as_of: When the batch was first checked (UTC).
        earlier_sizes: Rows of the batches before it.
    """

    rows: DataFrame
    kinds: dict[str, str]
    settings: Settings
    reference: Profile | None
    as_of: datetime
    earlier_sizes: Sequence[int] = ()

    @cached_property
    def columns(self) -> list[str]:
        """The columns that matter to the model."""
        return needed_columns(list(self.rows.columns), self.settings)

    @cached_property
    def features(self) -> list[str]:
        """Those that are no id."""
        named = {*self.settings.ids, self.settings.group}
        return [name for name in self.columns if name not in named]

    @property
    def labels(self) -> Series[Any] | None:
        """The labels that are there, by row number; ``None`` without the column."""
        target = self.settings.target
        return self.rows[target].dropna() if target in self.rows else None


def check_built_in(context: Context) -> list[Finding]:
    """Run them all; a check that finds nothing says so."""
    findings = []
    severities = dict(context.settings.validation.built_in)
    for name, check in CHECKS.items():
        severity = severities[name]
        if severity == "off":
            continue
        failed = [replace(f, severity=severity) for f in check(context)]
        findings += failed or [Finding(name, SENTENCES[name], severity=severity, success=True)]
    return findings


def _rows(check: str, column: str | None, bad: NDArray[np.bool_], told: str) -> Iterator[Finding]:
    numbers = np.flatnonzero(bad)
    if len(numbers):
        sentence = f"{len(numbers):,} of {len(bad):,} rows {told}"
        yield Finding(
            check, sentence, column, by_row=True, bad_rows=numbers, unexpected=len(numbers)
        )


def all_null(context: Context) -> Iterator[Finding]:
    """A feature that had values and has none now."""
    reference, n_rows = context.reference, len(context.rows)
    if reference is None:
        return
    for name in context.features:
        known = reference.columns.get(name)
        if known is None or name == context.settings.target:
            continue
        if known.null_share**n_rows < ALL_NULL_CHANCE and context.rows[name].isna().all():
            told = (
                f"column {name!r} has no value in {n_rows:,} rows; {known.null_share:.0%} of the"
                " initial rows had none"
            )
            yield Finding("all_null", told, name, unexpected=n_rows)


def infinite(context: Context) -> Iterator[Finding]:
    """Numbers that are infinite."""
    for name in context.columns:
        if context.rows[name].dtype.kind == "f":
            bad = np.isinf(context.rows[name].to_numpy(dtype=float, na_value=np.nan))
            yield from _rows("infinite", name, bad, f"have an infinite {name!r}")


def duplicates(context: Context) -> Iterator[Finding]:
    """Rows that repeat an earlier one in every column; the first is kept."""
    rows = context.rows
    repeated = pd.Series(hash_rows(rows, list(rows.columns))).duplicated().to_numpy()
    usual = context.reference.duplicate_share if context.reference else float(np.mean(repeated))
    if usual <= NATURAL_DUPLICATES or (context.reference is None and context.settings.ids):
        yield from _rows("duplicates", None, repeated, "repeat an earlier row in every column")


def times(context: Context) -> Iterator[Finding]:
    """Rows without a time, or with one that lies in the future."""
    name = context.settings.time
    if name is None or context.kinds.get(name) != TIME:
        return
    when = pd.to_datetime(context.rows[name], utc=True)
    limit = pd.Timestamp(context.as_of).tz_convert("UTC") + CLOCK
    late = (when > limit).to_numpy()
    worst = f", the latest {when.max():%Y-%m-%d %H:%M}" if late.any() else ""
    told = f"have a {name!r} after {limit:%Y-%m-%d %H:%M} UTC{worst}"
    yield from _rows("times", name, late, told)
    yield from _rows("times", name, when.isna().to_numpy(), f"have no {name!r}")


def freshness(context: Context) -> Iterator[Finding]:
    """The newest row must be younger than ``validation.max_age`` when the batch arrives."""
    name, age = context.settings.time, context.settings.validation.max_age
    if name is None or age is None or context.kinds.get(name) != TIME or not context.reference:
        return
    newest = pd.to_datetime(context.rows[name], utc=True).max()
    limit = pd.Timestamp(context.as_of).tz_convert("UTC") - pd.Timedelta(read_duration(age))
    if newest < limit:
        told = (
            f"the newest {name!r} is {newest:%Y-%m-%d %H:%M} UTC, older than validation.max_age ="
            f" {age} when the batch arrived ({context.as_of:%Y-%m-%d %H:%M} UTC)"
        )
        yield Finding("freshness", told, name)


def unit_change(context: Context) -> Iterator[Finding]:
    """Numbers whose typical size has moved by a factor of 30, out of all that was seen."""
    for name in context.features if context.reference else []:
        known = context.reference.columns.get(name) if context.reference else None
        if known is None or known.magnitude is None or context.kinds.get(name) != NUMBER:
            continue
        numbers = context.rows[name].to_numpy(dtype=float, na_value=np.nan)
        numbers = numbers[np.isfinite(numbers) & (numbers != 0)]
        now = magnitude_of(numbers) if len(numbers) >= UNIT_ROWS else None
        low, usual, high = known.magnitude
        if now is None or low <= now[1] <= high:
            continue
        if abs(now[1] - usual) >= np.log10(UNIT_FACTOR):
            told = (
                f"column {name!r} is typically {10 ** now[1]:.4g} and was {10**usual:.4g} in the"
                f" initial rows, a factor of {10 ** (now[1] - usual):,.4g}: has its unit changed?"
            )
            yield Finding("unit_change", told, name)


def target(context: Context) -> Iterator[Finding]:
    """Classes that the initial rows do not have; a regression's labels that are all the same."""
    labels, reference, name = context.labels, context.reference, context.settings.target
    known = reference.columns.get(name) if reference else None
    if labels is None or known is None or not len(labels):
        return
    if context.settings.task == "regression":
        if len(labels) >= CONSTANT_ROWS and labels.nunique() == 1 and known.distinct > 1:
            told = f"all {len(labels):,} labels in {name!r} are {labels.iloc[0]}"
            yield Finding("target", told, name)
    elif known.levels is not None:
        bad = np.zeros(len(context.rows), dtype=bool)
        unknown = labels[~labels.isin(known.levels)]
        bad[unknown.index.to_numpy()] = True
        told = f"have a label in {name!r} that the initial rows do not have: {examples(unknown)}"
        yield from _rows("target", name, bad, told)


def target_range(context: Context) -> Iterator[Finding]:
    """Labels of a regression that lie far outside of what the initial rows have."""
    labels, reference, name = context.labels, context.reference, context.settings.target
    known = reference.columns.get(name) if reference else None
    if labels is None or known is None or known.low is None or context.kinds[name] != NUMBER:
        return
    slack = TARGET_SPANS * (known.high - known.low)
    low, high = known.low - slack, known.high + slack
    if context.settings.task == "regression" and slack > 0:
        bad = np.zeros(len(context.rows), dtype=bool)
        far = labels[(labels < low) | (labels > high)]
        bad[far.index.to_numpy()] = True
        told = f"have a {name!r} outside of [{low:.4g}, {high:.4g}]: {examples(far)}"
        yield from _rows("target_range", name, bad, told)


def unseen_levels(context: Context) -> Iterator[Finding]:
    """More than 5 % of the rows have a category that the initial rows do not have."""
    for name in context.features if context.reference else []:
        known = context.reference.columns.get(name) if context.reference else None
        if known is None or known.kind != TEXT or known.levels is None:
            continue
        values = context.rows[name]
        bad = (values.notna() & ~values.isin(known.levels)).to_numpy()
        if bad.mean() > UNSEEN_SHARE:
            levels = examples(values[bad])
            told = f"have a {name!r} that the initial rows do not have: {levels}"
            yield from _rows("unseen_levels", name, bad, told)


def row_count(context: Context) -> Iterator[Finding]:
    """Five times as many rows as earlier batches have, or as few."""
    if len(context.earlier_sizes) < SIZE_BATCHES:
        return
    usual, rows = median(context.earlier_sizes), len(context.rows)
    if not usual / SIZE_FACTOR <= rows <= usual * SIZE_FACTOR:
        n = len(context.earlier_sizes)
        told = f"{rows:,} rows; the {n} batches before it typically have {usual:,.0f}"
        yield Finding("row_count", told)


CHECKS: dict[str, Callable[[Context], Iterator[Finding]]] = {
    check.__name__: check
    for check in (
        all_null, infinite, duplicates, times, freshness, unit_change, target, target_range,
        unseen_levels, row_count,
    )
}  # fmt: skip
SENTENCES = {
    "all_null": "every column that had values has some",
    "infinite": "no number is infinite",
    "duplicates": "no row repeats an earlier one (or they always do)",
    "times": "every row has a time, none in the future",
    "freshness": "the newest row is not older than validation.max_age",
    "unit_change": "the numbers are of the size of the initial rows'",
    "target": "the labels are of the initial rows' kind",
    "target_range": "the labels are in reach of the initial rows'",
    "unseen_levels": "nearly all categories are known",
    "row_count": "about as many rows as earlier batches",
}
