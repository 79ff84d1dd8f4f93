"""A folder of what MLflow has not got yet: one JSON file per record, whole or not there."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from driftune.errors import DriftuneError
from driftune.files import replace_file
from driftune.tracking.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A record and the file that holds it.

    Attributes:
        path: The file.
        text: All of the file, as it was read.
        record: What it says.
    """

    path: Path
    text: str
    record: RunRecord


class Spool:
    """Takes records, and gives them back oldest first until they are removed.

    A newer record of the same retune and kind replaces the older one, which it contains. One
    process at a time replays; any may add.

    Args:
        folder: Made when the first record comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, record: RunRecord) -> Path:
        """Keep a record; returns its file.

        Raises:
            DriftuneError: The disk does not take it.
        """
        path = self._path(record)
        try:
            with self._editing(), replace_file(path) as temporary:
                temporary.write_text(record.to_json(), encoding="utf-8")
        except OSError as error:
            raise DriftuneError(
                f"{path} cannot be written ({error.strerror}); make room, or move the state"
                " (DRIFTUNE_STATE)."
            ) from error
        return path

    def holds(self, record: RunRecord) -> bool:
        """Whether this record, or a newer one in its place, waits."""
        return self._path(record).exists()

    def entries(self, problem: str | None = None) -> list[Entry]:
        """Return what waits, oldest first, of one problem or of all."""
        found = [self._read(path) for path in self.files()]
        known = [entry for entry in found if entry is not None]
        wanted = [entry for entry in known if problem in (None, entry.record.problem)]
        return sorted(wanted, key=lambda entry: entry.record.at)

    def files(self) -> list[Path]:
        """Return the files of all records, readable or not."""
        return sorted(self.folder.glob("*.json"))

    def remove(self, entry: Entry) -> None:
        """Drop an entry, unless a newer record has taken its place meanwhile."""
        with self._editing():
            if entry.path.exists() and entry.path.read_text(encoding="utf-8") == entry.text:
                entry.path.unlink()

    @contextmanager
    def replaying(self, seconds: float) -> Iterator[bool]:
        """Keep other processes from replaying; False when one still does after ``seconds``."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / ".replay.lock", timeout=max(0.0, seconds))
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _path(self, record: RunRecord) -> Path:
        return self.folder / f"{_file_name(record.key)}.json"

    @contextmanager
    def _editing(self) -> Iterator[None]:
        """Hold the files still for the instant of a rename or a removal."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".edit.lock"):
            yield

    def _read(self, path: Path) -> Entry | None:
        try:
            text = path.read_text(encoding="utf-8")
            return Entry(path, text, RunRecord.from_json(text))
        except FileNotFoundError:  # written to MLflow by another process just now
            return None
        except ValueError as error:
            logger.warning("%s cannot be read and is passed over: %s", path, error)
            return None


def _file_name(key: str) -> str:
    """A name for any file system, and another one for another key.

    >>> _file_name("week 17.study").startswith("week_17.study-")
    True
    >>> _file_name("week 17.study") == _file_name("week_17.study")
    False
    """
    readable = re.sub(r"[^\w.-]", "_", key)[:100]
    return f"{readable}-{sha256(key.encode()).hexdigest()[:6]}"
