"""The demonstration's raw tables, from the real package."""

import pandas as pd
import pytest

from driftune.demo import flights
from driftune.demo.flights import build_flights

SAMPLE = 4000


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    assert build_flights(folder, sample=SAMPLE)
    return folder


def weekly(raw):
    return {p.stem: pd.read_parquet(p) for p in sorted((raw / "flights/batches").iterdir())}


def test_initial_and_weeks_are_all_of_the_sample_once(raw):
    initial, weeks = pd.read_parquet(raw / "flights/initial.parquet"), weekly(raw)
    assert list(weeks) == [f"week_{week:02d}" for week in range(13, 53)]
    rows = pd.concat([initial, *weeks.values()])
    assert len(rows) == SAMPLE
    assert not rows.duplicated(["flight", "tailnum", "scheduled_departure", "origin"]).any()


def test_no_row_lies_outside_its_weeks(raw):
    initial = pd.read_parquet(raw / "flights/initial.parquet")["scheduled_departure"]
    new_year = pd.Timestamp("2013-01-01")
    assert initial.min() >= new_year
    assert initial.max() < new_year + pd.Timedelta(weeks=13)
    for name, rows in weekly(raw).items():
        begin = new_year + pd.Timedelta(weeks=int(name[-2:]))
        assert rows["scheduled_departure"].between(begin, begin + pd.Timedelta(days=7)).all()
        assert rows["scheduled_departure"].is_monotonic_increasing


def test_utc_is_the_local_time_and_the_offset_of_new_york(raw):
    rows = weekly(raw)["week_20"]
    local = rows["scheduled_departure"].dt.tz_localize("America/New_York")
    expected = local.dt.tz_convert("UTC").dt.tz_localize(None)
    assert (rows["departure_utc"] == expected).all()


def test_what_is_known_after_the_flight_is_target_only(raw):
    columns = set(pd.read_parquet(raw / "flights/initial.parquet"))
    assert not columns & {"dep_time", "dep_delay", "arr_time", "arr_delay", "hour", "minute"}
    assert {"air_time", "late"} <= columns


def test_late_means_fifteen_minutes_or_cancelled():
    arrivals = pd.DataFrame({"arr_delay": [14, 15, None], "arr_time": [900, 901, None]})
    same = {
        "year": 2013, "month": 7, "day": 1, "sched_dep_time": 1745, "sched_arr_time": 5,
        "time_hour": "2013-07-01T21:00:00Z", "minute": 45, "flight": [1, 2, 3], "tailnum": "N1",
        "carrier": "UA", "origin": "JFK", "dest": "BOS", "distance": 187, "air_time": 40.0,
    }  # fmt: skip
    made = flights._flights(arrivals.assign(**same), None)
    assert made["late"].tolist() == [0, 1, 1]
    assert set(made["departure_minute"]) == {17 * 60 + 45}
    assert set(made["arrival_minute"]) == {5}
    assert set(made["departure_utc"]) == {pd.Timestamp("2013-07-01 21:45")}


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def test_a_second_build_does_nothing(raw):
    before = stamps(raw)
    assert build_flights(raw, sample=SAMPLE) is False
    assert stamps(raw) == before


class Stopped(Exception):
    """Ctrl-C, for the test."""


def stop_after(number):
    seen = []

    def on_file(name):
        seen.append(name)
        if len(seen) == number:
            raise Stopped

    return on_file


@pytest.fixture
def quick(monkeypatch, raw):
    """Read the package's tables once, from the small build's rows."""
    tables = {}
    read = flights._read

    def once(name):
        return tables.setdefault(name, read(name))

    monkeypatch.setattr(flights, "_read", once)


def test_a_stopped_build_is_done_again(tmp_path, quick):
    with pytest.raises(Stopped):
        build_flights(tmp_path, sample=500, on_file=stop_after(3))
    assert build_flights(tmp_path, sample=500) is True
    assert build_flights(tmp_path, sample=500) is False
    assert len(stamps(tmp_path)) == 43


def test_a_build_of_another_size_that_was_stopped_is_not_taken_for_the_old_one(tmp_path, quick):
    build_flights(tmp_path, sample=500)
    with pytest.raises(Stopped):
        build_flights(tmp_path, sample=900, on_file=stop_after(3))
    assert build_flights(tmp_path, sample=500) is True
    rows = [len(pd.read_parquet(p)) for p in (tmp_path / "flights").rglob("*.parquet")]
    assert sum(rows) == 500
