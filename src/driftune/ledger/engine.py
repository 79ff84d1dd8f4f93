"""One way to open the database, so that SQLite waits for its turn instead of failing."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from driftune.errors import ServiceUnavailable, UsageError
from driftune.ledger.tables import Base
from driftune.sqlite_files import refuse_damage

logger = logging.getLogger(__name__)
BUSY_SECONDS = 60


def open_engine(url: str) -> Engine:
    """Open the ledger's database and create missing tables.

    Args:
        url: SQLAlchemy URL, e.g. ``sqlite:////abs/ledger.db`` or
            ``postgresql+psycopg://user@host/db``.

    Raises:
        UsageError: The URL cannot be read.
        ServiceUnavailable: The database does not answer.
    """
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except ArgumentError:
        raise UsageError(
            "DRIFTUNE_LEDGER_URL is not a database URL; like sqlite:////path/ledger.db"
        ) from None
    arguments: dict[str, Any] = {}
    if parsed.get_backend_name() == "sqlite":
        arguments["timeout"] = BUSY_SECONDS
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args=arguments)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediately)
        _watch_file(engine, parsed.database)
    try:
        with _alone(parsed):
            Base.metadata.create_all(engine)
        _refuse_old_tables(engine, parsed)
    except DatabaseError as error:
        where = parsed.render_as_string(hide_password=True)
        raise ServiceUnavailable(
            f"The ledger at {where} does not answer ({type(error.orig).__name__});"
            " set DRIFTUNE_LEDGER_URL."
        ) from None
    return engine


def _refuse_old_tables(engine: Engine, url: URL) -> None:
    """Refuse a ledger of an earlier version before a query fails on a column that it lacks.

    Raises:
        UsageError: Names the column and the way on.
    """
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        missing = [column.name for column in table.columns if column.name not in there]
        if missing:
            raise UsageError(
                f"The ledger at {url.render_as_string(hide_password=True)} was made by an earlier"
                f" version: its table {table.name!r} has no column {missing[0]!r}. Keep it, and set"
                " DRIFTUNE_LEDGER_URL to a new one; or `make clean-state` forgets all decisions."
            )


def _watch_file(engine: Engine, path: str | None) -> None:
    """Name a damaged file where it is met, and one that has lost its content."""
    if not path or path == ":memory:":
        return
    refuse_damage(
        engine, "The ledger", path, setting="DRIFTUNE_LEDGER_URL",
        loss="knows no decision, retune or promotion",
    )  # fmt: skip
    if Path(path).exists() and not Path(path).stat().st_size:
        logger.warning(
            "The ledger %s is empty: if it ever held decisions, they are lost; bring back a copy.",
            path,
        )


def _alone(url: URL) -> AbstractContextManager[Any]:
    """Let one process at a time make an SQLite file; its busy timeout does not cover that."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return nullcontext()
    from filelock import FileLock

    return FileLock(f"{url.database}.lock", timeout=BUSY_SECONDS)


def _configure_sqlite(connection: Any, _: Any) -> None:
    # Readers do not block the writer; SQLAlchemy, not sqlite3, opens transactions.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediately(connection: Any) -> None:
    # A transaction that reads and then writes would otherwise fail, not wait, when it upgrades.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
