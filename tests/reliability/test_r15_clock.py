"""R15: the clock is set back or ahead, clocks change for summer, months end."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from driftune import loop
from driftune.ledger import DecisionRow, Ledger, ObservationRow, tables
from driftune.loop.watch import retunes_this_month, usd_this_month
from driftune.problem import Problem
from driftune.promotion import Gate, hold_out_newest

DAY = timedelta(days=1)


@pytest.fixture
def set_clock(monkeypatch):
    """Return a function that sets what the ledger takes for the time: a moment, or a jump."""

    def set_to(moment=None, *, jump=timedelta(0)):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment or datetime.now(tz) + jump

        monkeypatch.setattr(tables, "datetime", Clock)

    return set_to


@pytest.fixture
def in_new_york(monkeypatch):
    """The process runs in a place with another day, and with summer time."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ask(ledger, name, **more):
    return ledger.request_retune(name, "tiny", trigger="x", reason="x", **more)


@pytest.mark.parametrize("jump", [-DAY, DAY, timedelta(days=-400)])
def test_a_living_owner_keeps_its_lease(project, set_clock, jump):
    with project.ledger.lease("tiny", owner="here") as lease:
        set_clock(jump=jump)
        assert project.ledger.lease("tiny", owner="other") is None
        lease.renew()
        assert project.ledger.lease("tiny", owner="other") is None
    assert project.ledger.lease("tiny", owner="other").token == lease.token + 1


def test_a_dead_owner_keeps_no_lease_when_the_clock_is_set_back(project, set_clock):
    set_clock(jump=DAY)
    script = """
import os, sys
from driftune.ledger import Ledger
Ledger(sys.argv[1]).lease("tiny", owner="dead").__enter__()
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", script, project.ledger_url], check=False)
    set_clock(jump=-DAY)
    assert project.ledger.lease("tiny", owner="next") is not None


def test_an_announcement_from_tomorrow_does_not_hold_a_retune_back(project, set_clock):
    settings = project.settings("tiny")
    ask(project.ledger, "r")
    tomorrow = (datetime.now(UTC) + DAY).isoformat()
    project.ledger.set_retune("r", "queued", announced_at=tomorrow)
    assert [row.id for row in loop.due_retunes(project, settings)] == ["r"]
    project.ledger.set_retune("r", "queued", announced_at=datetime.now(UTC).isoformat())
    assert loop.due_retunes(project, settings) == []


def test_what_is_asked_for_later_is_newer_although_the_clock_was_set_back(project, set_clock):
    settings = project.settings("tiny")
    ask(project.ledger, "first", through="week_13")
    set_clock(jump=-DAY)
    ask(project.ledger, "second", through="week_14")
    decision = DecisionRow(outcome="queued", breach=True, reason="x", policy="x")
    row = ObservationRow(
        key="k", problem="tiny", batch="week_15", sequence=0, data_version="x", status="ok",
        details={},
    )  # fmt: skip
    third = tables.RetuneRow(
        id="third", problem="tiny", trigger="x", reason="x", through="week_15", status="queued",
        details={},
    )  # fmt: skip
    project.ledger.record(row, decision, third)
    assert [row.id for row in project.ledger.open_retunes("tiny")] == ["first", "second", "third"]
    loop.reconcile(project, settings)
    assert [row.id for row in project.ledger.open_retunes("tiny")] == ["third"]


def test_a_month_is_a_month_of_utc(project, set_clock, in_new_york):
    settings = project.settings("tiny")
    for name, moment in (
        ("march", datetime(2026, 3, 31, 23, 59, tzinfo=UTC)),
        ("april", datetime(2026, 4, 1, 0, 1, tzinfo=UTC)),  # still March in New York
    ):
        set_clock(moment)
        ask(project.ledger, name)
        project.ledger.record_spend(name, "tiny", calls=1, cost_usd=2.0)
    set_clock(datetime(2026, 4, 1, 1, 0, tzinfo=UTC))
    assert retunes_this_month(project, settings) == 1
    assert usd_this_month(project, settings) == 2.0
    set_clock(datetime(2026, 4, 30, 23, 59, tzinfo=UTC))
    assert retunes_this_month(project, settings) == 1
    set_clock(datetime(2026, 5, 1, 0, 0, tzinfo=UTC))
    assert retunes_this_month(project, settings) == 0
    assert usd_this_month(project, settings) == 0.0


@pytest.mark.parametrize("last", [datetime(2024, 2, 29), datetime(2026, 2, 28),
                                  datetime(2026, 12, 31)])  # fmt: skip
def test_months_of_every_length_end(project, set_clock, last):
    settings = project.settings("tiny")
    set_clock(last.replace(hour=23, minute=59, tzinfo=UTC))
    ask(project.ledger, "r")
    assert retunes_this_month(project, settings) == 1
    set_clock((last + DAY).replace(tzinfo=UTC))
    assert retunes_this_month(project, settings) == 0


def test_setting_the_clock_back_over_the_turn_of_a_month_gives_no_second_allowance(
    project, set_clock
):
    settings = project.settings("tiny")
    set_clock(datetime(2026, 12, 1, 0, 10, tzinfo=UTC))
    ask(project.ledger, "r")
    project.ledger.record_spend("r", "tiny", calls=1, cost_usd=2.0)
    set_clock(datetime(2026, 11, 30, 0, 10, tzinfo=UTC))
    assert retunes_this_month(project, settings) == 1
    assert usd_this_month(project, settings) == 2.0


def test_times_in_the_ledger_are_instants_whatever_the_zone(project, in_new_york):
    moment = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 1:30 in New York, the first of two
    ledger = Ledger(f"sqlite:///{project.state / 'other.db'}")
    ask(ledger, "r")
    from sqlalchemy.orm import Session

    for hours in (0, 1):
        wanted = moment + timedelta(hours=hours)
        with Session(ledger.engine) as session, session.begin():
            session.get_one(tables.RetuneRow, "r").requested_at = wanted.astimezone()
        assert ledger.retune("r").requested_at == wanted


def repeated_hour(zone="Europe/Berlin", rows=600):
    """Ten-minute rows over four days, in the middle of which an hour comes twice."""
    moments = pd.date_range("2026-10-23", periods=rows, freq="10min", tz="UTC").tz_convert(zone)
    return pd.DataFrame({"t": moments, "x": range(rows), "y": [float(i % 7) for i in range(rows)]})


@pytest.mark.parametrize("holdout", ["1d", 0.25])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", None])
def test_the_newest_rows_are_the_newest_instants(zone, holdout):
    table = repeated_hour()
    if zone is None:
        table["t"] = table["t"].dt.tz_convert("UTC").dt.tz_localize(None)
    else:
        table["t"] = table["t"].dt.tz_convert(zone)
    problem = Problem(name="p", target="y", metric="rmse", time="t")
    mixed = table.sample(frac=1, random_state=1)
    search, held = hold_out_newest(mixed, problem, Gate(holdout=holdout, min_rows=50))
    assert search["x"].is_monotonic_increasing
    assert held["x"].tolist() == list(range(len(search), len(table)))
    expected = 144 if holdout == "1d" else 150
    assert abs(len(held) - expected) <= 1


CALENDAR = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from driftune.settings import Settings
from pipelines.feature_engineering.nodes import add_calendar
from pipelines.datasets import read_lazily
file = Path(sys.argv[2])
settings = Settings(name="p", target="y", metric="rmse", time="t", rows=file,
                    features={"calendar": ["month", "day_of_week", "hour", "minute_of_day"]})
table = add_calendar({"b": read_lazily(file)}, settings)["b"]
print(table.to_pandas().to_csv(index=False))
"""


@pytest.mark.slow  # two processes that import Kedro and DuckDB
def test_features_do_not_depend_on_where_the_machine_stands(project, tmp_path):
    repeated_hour().to_parquet(tmp_path / "rows.parquet", index=False)
    made = []
    for zone in ("UTC", "America/New_York"):
        done = subprocess.run(
            [sys.executable, "-c", CALENDAR, str(project.root), str(tmp_path / "rows.parquet")],
            env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        made.append(done.stdout)
    assert made[0] == made[1]
    assert made[0].count("\n") > 600
