"""Durations as people write them in YAML and on the command line."""

from __future__ import annotations

import re
from datetime import timedelta

from driftune.errors import UsageError

UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(min|[smhdw])\s*")


def read_duration(text: str) -> timedelta:
    """Read a duration: numbers with a unit (s, m or min, h, d, w), one after another.

    Raises:
        UsageError: It is none; names it.

    >>> read_duration("1d 6h").total_seconds(), read_duration("90m").total_seconds()
    (108000.0, 5400.0)
    """
    if not re.fullmatch(f"(?:{PART.pattern})+", text):
        raise UsageError(f"{text!r} is not a duration such as 30s, 90m, 2h or 1d.")
    parts = (timedelta(**{UNITS[unit]: float(number)}) for number, unit in PART.findall(text))
    return sum(parts, timedelta())
