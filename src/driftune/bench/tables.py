"""Find the tables that a user names: bundled, files, folders, lists of files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from driftune.bench.bundled import BUNDLED, FLIGHT_ROWS, FLIGHTS, SKLEARN, read_bundled
from driftune.bench.recipes import PAPER, Recipe
from driftune.errors import DataError, UsageError, close_match
from driftune.tuning.table import SUFFIXES, read_table
from driftune.wrong_setting import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

LISTS = (".yaml", ".yml", ".toml")


@dataclass(frozen=True)
class Table:
    """A table and its recipe.

    Attributes:
        name: Unique in a benchmark.
        recipe: How it becomes a task.
        file: Where it is; ``None`` for a bundled one.
    """

    name: str
    recipe: Recipe
    file: Path | None = None

    def read(self) -> pd.DataFrame:
        """Read all its rows.

        Raises:
            DataError: The file is not there or is no table.
            MissingPackage: A bundled table needs a package that is not installed.
        """
        if self.file is not None:
            return read_table(self.file)
        return read_bundled(self.name, self.recipe.rows or FLIGHT_ROWS)


class _Entry(Recipe):
    """A recipe in a list, with its file."""

    file: Path
    name: str | None = None


class _List(BaseModel):
    """A YAML or TOML list of tables."""

    model_config = ConfigDict(extra="forbid")

    tables: list[_Entry] = Field(min_length=1)


def find_tables(
    words: Sequence[str | Path], *, given: dict[str, Any] | None = None, flights: bool = False
) -> list[Table]:
    """Turn what the user wrote into tables; nothing is read yet but lists and folders.

    >>> [table.name for table in find_tables([])]
    ['breast_cancer', 'digits', 'wine', 'diabetes']

    Args:
        words: Names of bundled tables, files, folders, or lists of tables in YAML or TOML; none
            means scikit-learn's bundled tables.
        given: Settings of the recipe that the user gave for all of them, such as ``target``.
        flights: Add the flights.

    Raises:
        UsageError: A name that is not known, a file whose target nobody named, or a name twice.
        DataError: A file that is not there.
    """
    given = {key: value for key, value in (given or {}).items() if value not in (None, ())}
    tables = [table for word in words for table in _find(word, given)]
    if not words:
        tables = [_bundled(name, given) for name in SKLEARN]
    if flights:
        tables.append(_bundled("flights", given))
    names = [table.name for table in tables]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Two tables are called {twice[0]!r}: give one another `name` in a list.")
    return tables


def _find(word: str | Path, given: dict[str, Any]) -> list[Table]:
    path = Path(word)
    if str(word) in BUNDLED and not path.exists():
        return [_bundled(str(word), given)]
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{path} holds no .csv or .parquet file.")
        return [_file(file, given) for file in files]
    if path.suffix.lower() in LISTS:
        return _read_list(path)
    if path.suffix.lower() in SUFFIXES:
        return [_file(path, given)]
    raise UsageError(
        f"There is no table {str(word)!r}: give a .csv or .parquet file, a folder of them, a list "
        f"in YAML or TOML, or a bundled table.{close_match(str(word), BUNDLED)}"
    )


def _bundled(name: str, given: dict[str, Any]) -> Table:
    if "target" in given:
        raise UsageError(f"--target is for files; the bundled table {name!r} has its own.")
    usual = {"rows": FLIGHT_ROWS} if name in FLIGHTS else {}
    return Table(name, BUNDLED[name].model_copy(update=usual | given))


def _file(path: Path, given: dict[str, Any]) -> Table:
    if path.is_file() and "target" not in given and path.stem not in PAPER:
        raise UsageError(
            f"What is to be predicted in {path.name}? Say --target COLUMN. Only the paper's tables "
            f"need none: {', '.join(PAPER)}."
        )
    if "target" in given or path.stem not in PAPER:
        return Table(path.stem, Recipe(**{"target": "", **given}), path)
    return Table(path.stem, PAPER[path.stem].model_copy(update=given), path)


def _read_list(path: Path) -> list[Table]:
    """Read ``tables: [{file, target, ...}]``; files are relative to the list."""
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    text = path.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text) if path.suffix.lower() == ".toml" else yaml.safe_load(text)
        listed = _List.model_validate(document)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise UsageError(explain(error, str(path), _List)) from error
    return [_listed(entry, path.parent) for entry in listed.tables]


def _listed(entry: _Entry, folder: Path) -> Table:
    recipe = Recipe(**entry.model_dump(exclude={"file", "name"}))
    return Table(entry.name or entry.file.stem, recipe, folder / entry.file)
