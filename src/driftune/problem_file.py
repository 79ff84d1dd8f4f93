"""Find and read the YAML file of a problem, with what it extends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from driftune.errors import UsageError, close_match

YAML_SUFFIXES = {".yml", ".yaml"}
MERGE_KEY = "tag:yaml.org,2002:merge"  # `<<` may stand there more than once


class _TwiceError(Exception):
    """A key is there twice."""


class _Loader(yaml.SafeLoader):
    """Safe YAML that does not let the second of two equal keys win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping.

        Raises:
            _TwiceError: Names the key and its second line.
        """
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE_KEY:
                continue
            if key.value in seen:
                line = key.start_mark.line + 1
                raise _TwiceError(f"the key {key.value!r} is there twice, again in line {line}.")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def find_problem(name: str | Path, root: Path) -> Path:
    """Return the YAML file of a problem, given as a path or as a name under ``root/conf``."""
    file = Path(name)
    if file.suffix in YAML_SUFFIXES:
        for candidate in (file, root / file):
            if candidate.is_file():
                return candidate.resolve()
        raise UsageError(f"There is no problem file {str(name)!r} (looked in {root} too).")
    known = {p.stem: p for p in sorted(root.glob("conf/**/problems/*.yml"))}
    if str(name) not in known:
        told = [stem for stem, p in known.items() if root / "conf/test" not in p.parents]
        raise UsageError(
            f"There is no problem {str(name)!r} in {root / 'conf'}.{close_match(str(name), told)}"
            " A problem is one file: conf/problems/NAME.yml."
        )
    return known[str(name)]


def read_problem(file: Path, extended_by: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a YAML file and what it extends.

    Raises:
        UsageError: No valid YAML, a key that is there twice, or a circle of files.
    """
    if file in extended_by:
        raise UsageError(f"{file} extends itself, directly or through another file.")
    try:
        values = _Loader(file.read_text(encoding="utf-8")).get_single_data() or {}
    except _TwiceError as error:
        raise UsageError(f"{file}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{file} must hold keys and values, not a {type(values).__name__}.")
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str) or Path(base).suffix not in YAML_SUFFIXES:
        raise UsageError(f"{file.name}: extends = {base!r} is wrong: it takes one YAML file.")
    found = find_problem(file.parent / base, file.parent)
    return merge(read_problem(found, (*extended_by, file)), values)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; lists and plain values are replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged
