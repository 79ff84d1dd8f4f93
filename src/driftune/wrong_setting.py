"""Say in one sentence what is wrong with a value of a problem's YAML file."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from driftune.errors import close_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
NO_LIST = {"tuple_type", "list_type"}
NO_SECTION = {"dataclass_type", "dict_type", "model_attributes_type", "model_type"}
NOT_IN_THE_TREE = ("extends",)  # read before the tree is built


def explain(error: ValidationError, file: str, tree: type[BaseModel]) -> str:
    """Say the first thing that is wrong, with the key and the nearest known one.

    Args:
        error: What pydantic found.
        file: Name of the file, for the sentence.
        tree: What the file was read as.
    """
    # A key that is spelt wrong is often one that is missing too: the spelling says more.
    first = min(error.errors(), key=lambda e: e["type"] not in UNKNOWN_KEY)
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] in UNKNOWN_KEY:
        return f"{file}: unknown key {where!r}.{_meant(first['loc'], tree)}"
    if first["type"] == "missing":
        return f"{file}: the key {where!r} is missing."
    return f"{file}: {where} = {first['input']!r} is wrong: {_in_words(first)}."


def _in_words(first: ErrorDetails) -> str:
    """What the value must be; pydantic speaks of tuples, instances and dictionaries."""
    value = first["input"]
    if first["type"] in NO_LIST:
        example = f", e.g. [{value}]" if isinstance(value, str | int | float) else ""
        return f"it must be a list{example}"
    if first["type"] in NO_SECTION:
        return "it must be a section of keys"
    return first["msg"].replace("Input should be", "it must be").replace("Value error, ", "")


def _meant(location: tuple[int | str, ...], tree: type[BaseModel]) -> str:
    """Name the key that was meant: of this section, or the same one in another section."""
    key = str(location[-1])
    known = _known_keys(location[:-1], tree)
    if len(location) == 1:
        known += NOT_IN_THE_TREE
    elsewhere = [path for path in _paths(tree) if path.rpartition(".")[2] == key]
    if elsewhere and not get_close_matches(key, known):
        return f" Did you mean {elsewhere[0]!r}?"
    return close_match(key, known)


def _known_keys(location: tuple[int | str, ...], tree: type[BaseModel]) -> list[str]:
    """List the keys of the section at ``location`` in the tree."""
    section: Any = tree
    for part in location:
        if not isinstance(part, int):
            section = _section(section, part)
    return list(_annotations(section))


def _paths(section: Any, prefix: str = "") -> Iterator[str]:
    """Give every key below a section, with its place, e.g. ``tuning.folds``."""
    for key in _annotations(section):
        yield prefix + key
        yield from _paths(_section(section, key), f"{prefix}{key}.")


def _section(section: Any, key: str) -> Any:
    """Return the class of a key: of the section there, or of each section in the list there."""
    annotation = _annotations(section)[key]
    inner = [a for a in getattr(annotation, "__args__", ()) if _annotations(a)]
    return inner[0] if inner else annotation


def _annotations(section: Any) -> dict[str, Any]:
    """Return key -> type of a section; empty for a plain value."""
    if hasattr(section, "model_fields"):
        return {name: field.annotation for name, field in section.model_fields.items()}
    return {name: None for name in getattr(section, "__dataclass_fields__", {})}
