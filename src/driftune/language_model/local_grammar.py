"""Holds a small model to a JSON schema, numbers within their bounds, by an LLGuidance grammar."""

from __future__ import annotations

import json
from typing import Any

_TIGHT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
_LONGEST_TEXT = 100  # characters; a small model rambles until it is stopped
_LONGEST_LIST = 8


def build_grammar(schema: dict[str, Any]) -> str:
    """Return an LLGuidance grammar in Lark's form whose every text fits ``schema``.

    llama.cpp's own conversion of a JSON schema drops the bounds of floats; this keeps them. Blanks
    are forbidden, since a small model can go on with them for ever, and so are long texts and long
    or empty lists, unless the schema says otherwise.

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
    if bounded.get("type") == "string" and not {"enum", "const", "pattern"} & set(bounded):
        bounded.setdefault("maxLength", _LONGEST_TEXT)
    if bounded.get("type") == "array":
        bounded.setdefault("minItems", 1)
        bounded.setdefault("maxItems", max(_LONGEST_LIST, bounded["minItems"]))
    return bounded
