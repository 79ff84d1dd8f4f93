"""Stateless features as Ibis expressions: the same code runs on DuckDB and on a warehouse.

Nothing here learns from the rows. What is fitted (encoders) lives in the registered model.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
from ibis import Table
from ibis.expr.types import TimestampValue, Value

from driftune.durations import read_duration
from driftune.errors import DataError, ValidationFailed, close_match
from driftune.settings import Join, Settings

Batches = dict[str, "Table"]
ORDER = "_order"

CALENDAR: dict[str, Callable[[TimestampValue], Value]] = {
    "month": lambda t: t.month(),
    "day_of_week": lambda t: t.day_of_week.index(),
    "hour": lambda t: t.hour(),
    "minute_of_day": lambda t: t.hour() * 60 + t.minute(),
}


def select_batches(accepted: dict[str, Callable[[], Table]], batch_names: list[str]) -> Batches:
    """Open the batches of this run.

    Raises:
        DataError: A batch has not passed validation.
    """
    for name in batch_names:
        if name not in accepted:
            raise DataError(
                f"Batch {name!r} has no accepted rows; run `kedro run --pipelines=data_validation`"
                f" first.{close_match(name, accepted)}"
            )
    return {name: accepted[name]() for name in batch_names}


def join_lookups(rows: Batches, lookups: Batches, settings: Settings) -> Batches:
    """Bring over the columns of the problem's lookup tables.

    Rows keep their order. A row whose key is not in a lookup keeps missing values. Lookups that
    change with time are joined as of ``at - delay``, so that nothing later than the prediction
    leaks in.

    Raises:
        DataError: A column that a join names is missing in its lookup.
        ValidationFailed: It is missing in a batch.
    """
    joined = {}
    for name, table in rows.items():
        for join in settings.features.joins:
            needed = (*join.by, join.as_of.at) if join.as_of else join.by
            _require_in_batch(table, needed, name)
        # A join gives rows back in any order; the same study needs the same order.
        table = table.mutate(**{ORDER: ibis.row_number()})  # noqa: PLW2901
        for join in settings.features.joins:
            table = _join(table, lookups[str(join.table)], join)  # noqa: PLW2901
        joined[name] = table.order_by(ORDER).drop(ORDER)
    return joined


def _join(rows: Table, lookup: Table, join: Join) -> Table:
    _require(lookup, (*join.by, *join.columns), join.table.name)
    if join.as_of is None:
        return rows.left_join(lookup.select(*join.by, *join.columns), join.by).drop(
            *[f"{key}_right" for key in join.by]
        )
    as_of = join.as_of
    _require(lookup, (as_of.observed,), join.table.name)
    latest = "_latest_known"
    delay, within = _interval(as_of.delay), _interval(as_of.within)
    side = lookup.select(*join.by, *join.columns, as_of.observed)
    found = rows.mutate(**{latest: rows[as_of.at] - delay}).asof_join(
        side, on=ibis._[latest] >= side[as_of.observed], predicates=list(join.by)
    )
    fresh = found[latest] - found[as_of.observed] <= within
    values = {column: ibis.ifelse(fresh, found[column], ibis.null()) for column in join.columns}
    return found.mutate(**values).select(*rows.columns, *join.columns)


def add_calendar(joined: Batches, settings: Settings) -> Batches:
    """Add parts of the problem's time column, as integers; Monday is 0."""
    parts = settings.features.calendar
    if parts and settings.time is None:
        raise DataError("features.calendar needs the problem's key `time`.")
    return {
        name: table.mutate(**{part: CALENDAR[part](table[settings.time]) for part in parts})
        if parts
        else table
        for name, table in joined.items()
    }


def add_years_since(dated: Batches, settings: Settings) -> Batches:
    """Replace columns that hold a year by the years since then, on the row's day."""
    ages = settings.features.years_since
    if ages and settings.time is None:
        raise DataError("features.years_since needs the problem's key `time`.")
    return {
        name: table.mutate(
            **{age: table[settings.time].year() - table[column] for age, column in ages.items()}
        ).drop(*ages.values())
        if ages
        else table
        for name, table in dated.items()
    }


def _interval(duration: str) -> Value:
    return ibis.interval(seconds=int(read_duration(duration).total_seconds()))


def _require(lookup: Table, columns: tuple[str, ...], name: str) -> None:
    for column in columns:
        if column not in lookup.columns:
            near = close_match(column, lookup.columns)
            raise DataError(f"The lookup {name} has no column {column!r}.{near}")


def _require_in_batch(table: Table, columns: tuple[str, ...], batch: str) -> None:
    for column in columns:
        if column not in table.columns:
            near = close_match(column, table.columns)
            raise ValidationFailed(f"Batch {batch!r} is refused: no column {column!r}.{near}")
