"""A ledger of an earlier version is refused by name, before a query fails on it."""

import sqlite3

import pytest

from driftune.errors import UsageError
from driftune.ledger import Ledger


def test_a_ledger_that_lacks_a_column_is_refused_and_kept(tmp_path):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE retunes (id VARCHAR PRIMARY KEY, problem VARCHAR)")
        connection.execute("INSERT INTO retunes VALUES ('r1', 'p')")
    with pytest.raises(UsageError, match=r"ledger\.db.*'retunes'.*DRIFTUNE_LEDGER_URL"):
        Ledger(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT id FROM retunes").fetchall() == [("r1",)]
