"""A demonstration on other rows than the ledger knows would mix two stories."""

import io

import pytest
from rich.console import Console

from driftune.demo.flights import build_flights, check_size
from driftune.demo.story import build_data
from driftune.errors import UsageError


def test_a_lost_file_is_built_again(tmp_path):
    build_flights(tmp_path, sample=2000)
    (tmp_path / "planes.parquet").unlink()
    assert build_flights(tmp_path, sample=2000)
    assert (tmp_path / "planes.parquet").exists()


def test_another_size_is_refused_once_there_are_decisions(tmp_path):
    build_flights(tmp_path, sample=2000)
    check_size(tmp_path, 2000)
    with pytest.raises(UsageError, match="2000 flights, not all"):
        check_size(tmp_path, None)


def test_without_decisions_the_size_may_change(project):
    raw = project.root / "data" / "01_raw"
    build_flights(raw, sample=2000)
    settings = project.settings("air_time")
    build_data(project, settings, full=False, console=Console(file=io.StringIO()))
    check_size(raw, 100_000)
