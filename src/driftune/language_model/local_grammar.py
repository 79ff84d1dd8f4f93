"""Holds a small model to a JSON schema, numbers within their bounds, by an LLGuidance grammar."""

from __future__ import annotations

import json
import math
from typing import Any

_TIGHT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
_LONGEST_TEXT = 40  # characters; a small model rambles until it is stopped
_LONGEST_LIST = 2  # at some twenty to forty tokens a second, one item takes seconds
_LARGEST = 10**9  # where the schema says nothing
_FINEST, _COARSEST = -10, -3  # decimals; LLGuidance refuses finer ones
_LIMITS = ("minimum", "maximum")


def build_grammar(schema: dict[str, Any]) -> str:
    """Return an LLGuidance grammar in Lark's form whose every text fits ``schema``.

    llama.cpp's own conversion of a JSON schema drops the bounds of floats; this keeps them. All
    that a small model could go on with for ever is cut unless the schema says otherwise: blanks,
    texts, lists, and the decimals of a number, of which about three count.

    >>> build_grammar({"type": "boolean"}).splitlines()[:2]
    ['%llguidance {}', 'start: %json {']
    """
    document = {**_bound(schema), "x-guidance": _TIGHT}
    return "%llguidance {}\nstart: %json " + json.dumps(document, indent=1)


def _bound(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bound(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    bounded = {
        name: part if name in ("enum", "const", "required") else _bound(part)
        for name, part in schema.items()
    }
    if {"enum", "const", "pattern", "multipleOf"} & set(bounded):
        return bounded
    match bounded.get("type"):
        case "string":
            bounded.setdefault("maxLength", _LONGEST_TEXT)
        case "array":
            bounded.setdefault("minItems", 1)
            bounded.setdefault("maxItems", max(_LONGEST_LIST, bounded["minItems"]))
        case "integer":
            bounded = {"minimum": -_LARGEST, "maximum": _LARGEST, **bounded}
        case "number":
            bounded = _cut_decimals(bounded)
    return bounded


def _cut_decimals(number: dict[str, Any]) -> dict[str, Any]:
    """Let a number have few decimals; LLGuidance's ``multipleOf`` knows no number below zero."""
    if not set(_LIMITS) & set(number):
        above = {**number, "minimum": 0, "maximum": _LARGEST, "multipleOf": 10.0**_COARSEST}
        return {"anyOf": [above, {**number, "type": "integer", "minimum": -_LARGEST, "maximum": 0}]}
    if not set(_LIMITS) <= set(number):
        return number
    low, high = (float(number[name]) for name in _LIMITS)
    unit = _unit(low, high)
    if high <= 0 or high - low < 100 * unit:
        return number
    above = {**number, "minimum": max(low, 0.0), "multipleOf": unit}
    return above if low >= 0 else {"anyOf": [above, {**number, "maximum": 0}]}


def _unit(low: float, high: float) -> float:
    """A power of ten: a thousandth of the smallest magnitude that counts between two limits."""
    smallest = low if low > 0 else high - low
    decimals = math.floor(math.log10(smallest)) - 3 if smallest > 0 else _FINEST
    return float(10.0 ** min(max(decimals, _FINEST), _COARSEST))
