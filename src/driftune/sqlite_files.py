"""A damaged SQLite file is named where it is met, with the way on; it is not mended in silence."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import event

from driftune.errors import ServiceUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine, ExceptionContext

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
LARGEST_PAGE = 65536  # written as 1


def is_damage(error: BaseException | None) -> bool:
    """Return whether SQLite says that the file is none, or is broken.

    SQLite raises its base class for that; what is locked, full or gone is a subclass.

    >>> is_damage(sqlite3.DatabaseError("file is not a database"))
    True
    >>> is_damage(sqlite3.OperationalError("database is locked"))
    False
    """
    return type(error) is sqlite3.DatabaseError


def damaged(
    what: str, path: Path | str, why: BaseException | str, *, loss: str, setting: str
) -> str:
    """Return the sentence about a damaged file.

    Args:
        what: The thing, e.g. ``"The ledger"``.
        path: The file.
        why: What SQLite says.
        loss: What a new one lacks.
        setting: The environment variable that names another one.
    """
    return (
        f"{what} {path} is damaged ({why}). It is left as it is: bring back a copy, or move it away"
        f" to begin a new one, which {loss}; {setting} names another."
    )


def refuse_damage(engine: Engine, what: str, path: Path | str, *, loss: str, setting: str) -> None:
    """Let every statement on a damaged file raise ServiceUnavailable with that sentence."""

    @event.listens_for(engine, "handle_error")
    def name_it(context: ExceptionContext) -> None:
        if is_damage(context.original_exception):
            raise ServiceUnavailable(
                damaged(what, path, str(context.original_exception), loss=loss, setting=setting)
            ) from None


def refuse_damaged_file(path: Path, what: str, *, loss: str, setting: str) -> None:
    """Look at an SQLite file's header, for a package that opens it itself and says little.

    Raises:
        ServiceUnavailable: It is no SQLite file, or shorter than its header says.
    """
    why = _what_is_wrong(path)
    if why:
        raise ServiceUnavailable(damaged(what, path, why, loss=loss, setting=setting))


def _what_is_wrong(path: Path) -> str | None:
    """Read the header (sqlite.org/fileformat2.html, 1.3); an empty file is a new database."""
    if not path.is_file() or not path.stat().st_size:
        return None
    with path.open("rb") as stream:
        header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        return "file is not a database"
    page = int.from_bytes(header[16:18], "big")
    count = int.from_bytes(header[28:32], "big")
    whole = count * (LARGEST_PAGE if page == 1 else page)
    is_known = header[24:28] == header[92:96]  # else an old version of SQLite wrote it
    return "it is cut short" if is_known and path.stat().st_size < whole else None
