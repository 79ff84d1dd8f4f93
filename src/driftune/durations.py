"""Durations as people write them in YAML and on the command line."""

from __future__ import annotations

from datetime import timedelta

from driftune.errors import UsageError


def read_duration(text: str) -> timedelta:
    """Read a duration that pandas understands.

    Raises:
        UsageError: It is none, or negative.

    >>> read_duration("1d 6h").total_seconds()
    108000.0
    """
    import pandas as pd

    try:
        found = pd.Timedelta(text).to_pytimedelta()
    except ValueError:
        found = None
    if not isinstance(found, timedelta) or found < timedelta(0):
        raise UsageError(f"{text!r} is not a duration such as 30s, 90m, 2h or 1d.")
    return found
