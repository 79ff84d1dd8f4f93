"""A raw CSV or Parquet file as a lazy Ibis table on DuckDB."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import DatasetError
from kedro_datasets.ibis import FileDataset

from driftune.errors import DataError
from driftune.lineage import file_version

if TYPE_CHECKING:
    from ibis import Table

    from driftune.label_files import LabelFile

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class RawFile:
    """A file that arrived.

    Attributes:
        path: Where it lies.
        labels: Files of labels that may have some for its rows, oldest first.
    """

    path: Path
    labels: tuple[LabelFile, ...] = ()

    @property
    def declares_types(self) -> bool:
        """Whether the file says what its columns hold; those of CSV are guessed from the cells."""
        return FORMATS.get(self.path.suffix) == "parquet"

    @cached_property
    def version(self) -> str | None:
        """The hash of its bytes, ``None`` when there is no such file."""
        return file_version(self.path) if self.path.is_file() else None

    def open(self, as_text: tuple[str, ...] = ()) -> Table:
        """Return the file as a table; nothing but its first rows is read.

        Args:
            as_text: Columns of a CSV file that are not guessed.

        Raises:
            DataError: It is missing, of another kind, or not what its ending says.
        """
        path = self.path
        if path.suffix not in FORMATS:
            raise DataError(f"{path} is neither CSV nor Parquet ({', '.join(FORMATS)}).")
        if not path.is_file():
            raise DataError(f"There is no file {path}; the problem's YAML names it.")
        texts = {} if self.declares_types else {name: "string" for name in as_text}
        try:
            return FileDataset(
                filepath=str(path),
                file_format=FORMATS[path.suffix],
                load_args={"types": texts} if texts else None,
            ).load()
        except DatasetError as error:
            raise self.unreadable(error.__cause__ or error) from error

    def unreadable(self, why: BaseException) -> DataError:
        """Return the error of a file that cannot be read, with the place where that is known."""
        if self.path.suffix == ".csv" and (found := not_utf8(self.path)):
            line, text = found
            return DataError(
                f"{self.path} is not UTF-8 throughout: line {line:,} has {text!r}, perhaps of"
                " Latin-1 or Windows-1252. Save the whole file as UTF-8."
            )
        lines = [line for line in str(why).splitlines() if line.strip()]
        return DataError(f"{self.path} cannot be read: {' '.join(lines[:2]).rstrip('.')}.")


def not_utf8(path: Path, chunk: int = 1 << 20) -> tuple[int, str] | None:
    """Find the first byte that is not UTF-8; returns its line, from 1, and what is around it."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as stream:
        while True:
            data = stream.read(chunk)
            held = decoder.getstate()[0]
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                whole = held + data
                line += whole[: error.start].count(b"\n")
                around = whole[max(error.start - 8, 0) : error.start + 8]
                return line, around.decode("latin-1").strip()
            line += text.count("\n")
            if not data:
                return None


def read_lazily(path: Path) -> Table:
    """Return a CSV or Parquet file as an Ibis table; see :meth:`RawFile.open`."""
    return RawFile(path).open()
