"""The caps of pyproject.toml, with what breaks beyond them: when these pass without, lift them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, literal, select


def test_prefects_server_can_be_made_with_the_installed_fastapi(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    from prefect.server.api.server import create_app

    paths = {route.path for route in create_app(ephemeral=True).routes}
    assert paths


def test_prefects_interval_arithmetic_compiles_with_the_installed_sqlalchemy():
    pytest.importorskip("prefect")
    from datetime import timedelta

    from prefect.server.utilities.database import date_add

    moment = datetime(2024, 1, 1, tzinfo=UTC)
    query = select(date_add(literal(moment), literal(timedelta(hours=1))))
    assert str(query.compile(create_engine("sqlite://")))
