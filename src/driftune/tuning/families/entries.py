"""Short ways to write the entries of a preset."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]


def log_scale(low: float, high: float) -> Entry:
    """A positive number whose factors count."""
    return {"type": "float", "low": low, "high": high, "log": True}


def between(low: float, high: float) -> Entry:
    """A number whose differences count."""
    return {"type": "float", "low": low, "high": high}


def whole(low: int, high: int, *, log: bool = False) -> Entry:
    """A whole number."""
    return {"type": "int", "low": low, "high": high, "log": log}


def one_of(*choices: Any) -> Entry:
    """One of several values without order."""
    return {"type": "categorical", "choices": list(choices)}
