"""Draft the section ``validation`` of a problem from a table that is known to be good."""

from __future__ import annotations

from math import floor, inf, log10
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from driftune.validation.profile import BOOLEAN, NUMBER, TEXT, TIME, make_profile
from driftune.validation.schema import needed_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from driftune.settings import Settings
    from driftune.validation.profile import ColumnProfile, Profile

SLACK = 0.5  # of the span that was seen, on either side
NULL_SLACK = 0.05
MOST_LEVELS = 50
HEADER = """\
# Drafted from {rows:,} rows of {source}. Edit it, and put it into the problem's file.
# critical: the rows are put aside, or the batch is refused; warning: the run goes on with a tag.
# Columns, types, duplicates, infinite numbers, units and times are checked without any of this.
"""


def draft(profile: Profile, settings: Settings) -> dict[str, Any]:
    """Return the section: what the table satisfies, with slack where later rows will differ.

    Types, missing shares, ranges, sets and uniqueness; the table itself passes without a warning.

    Args:
        profile: Of the table.
        settings: The problem; says which columns matter.
    """
    columns = {n: profile.columns[n] for n in needed_columns(list(profile.columns), settings)}
    kinds = (NUMBER, TEXT, TIME, BOOLEAN)
    expectations = [e for name, c in columns.items() for e in _of_column(name, c, settings)]
    identity = [*settings.ids, *filter(None, [settings.time])]
    if settings.ids and profile.identified:
        if len(identity) == 1:
            made = _expect("column_values_to_be_unique", identity[0])
        else:
            made = _expect("compound_columns_to_be_unique", column_list=identity)
        expectations.append(made)
    return {
        "max_quarantine_share": settings.validation.max_quarantine_share,
        "types": {name: c.kind for name, c in columns.items() if c.kind in kinds},
        "expectations": expectations,
    }


def _of_column(name: str, seen: ColumnProfile, settings: Settings) -> Iterator[dict[str, Any]]:
    named = name in {settings.time, *settings.ids}
    if name != settings.target:  # labels may be late
        if seen.null_share == 0 and named:
            yield _expect("column_values_to_not_be_null", name)
        elif seen.null_share < 1 - NULL_SLACK:
            mostly = floor(100 * (1 - seen.null_share - NULL_SLACK)) / 100
            if mostly > 0:
                yield _expect("column_values_to_not_be_null", name, "warning", mostly=mostly)
    is_class = name == settings.target and settings.task != "regression"
    if is_class or (seen.kind == TEXT and not named):
        if seen.levels and len(seen.levels) <= MOST_LEVELS:
            severity = "critical" if is_class else "warning"
            yield _expect("column_values_to_be_in_set", name, severity, value_set=list(seen.levels))
    elif seen.kind == NUMBER and seen.low is not None and not named:
        low, high = _with_slack(seen.low, seen.high)
        yield _expect("column_values_to_be_between", name, "warning", min_value=low, max_value=high)


def _with_slack(low: float, high: float) -> tuple[float, float]:
    """Widen a range, outwards to two digits; what was never negative stays so.

    >>> _with_slack(20.0, 4983.0), _with_slack(-3.5, 1.0), _with_slack(5.0, 5.0)
    ((0, 7500), (-5.8, 3.3), (5, 5))
    """
    slack = SLACK * (high - low)
    wide = -_outwards(-(low - slack)), _outwards(high + slack)
    return (0 if low >= 0 > wide[0] else wide[0]), wide[1]


def _outwards(number: float) -> float:
    """Round up to two significant digits."""
    if number == 0:
        return 0
    unit = 10.0 ** (floor(log10(abs(number))) - 1)
    up = -floor(-number / unit + 1e-9) * unit
    rounded = round(up, max(0, -floor(log10(unit))))
    return int(rounded) if float(rounded).is_integer() else rounded


def _expect(
    what: str, column: str | None = None, severity: str = "critical", **arguments: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"type": f"expect_{what}"}
    if column is not None:
        made["column"] = column
    if severity != "critical":
        made["severity"] = severity
    return {**made, "arguments": arguments} if arguments else made


def write_section(section: dict[str, Any], *, rows: int, source: str) -> str:
    """Return the section as YAML to edit, one check a line."""
    lines = [HEADER.format(rows=rows, source=source) + "validation:"]
    lines.append(f"  max_quarantine_share: {section['max_quarantine_share']}")
    lines.append("  max_age: null  # such as 10d: the newest row may be so old on arrival")
    lines += ["  types:", *(f"    {_flow({n: k})}" for n, k in section["types"].items())]
    lines += ["  expectations:", *(f"    - {_flow(e)}" for e in section["expectations"])]
    return "\n".join(lines) + "\n"


def _flow(value: dict[str, Any]) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, width=inf, sort_keys=False, allow_unicode=True
    ).strip()
    return text if "type" in value else text[1:-1]


def profile_frame(frame: DataFrame, settings: Settings) -> Profile:
    """Describe a table in memory."""
    kinds = {str(name): _kind(frame[name]) for name in frame.columns}
    return make_profile(kinds, lambda name: frame[name], settings)


def _kind(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values):
        return BOOLEAN
    if pd.api.types.is_numeric_dtype(values):
        return NUMBER
    return TIME if pd.api.types.is_datetime64_any_dtype(values) else TEXT
