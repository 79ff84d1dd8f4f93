"""Draw conf/test/data from the flights: `python tests/make_tiny_data.py` writes the same again."""

import tempfile
from pathlib import Path

import pandas as pd

from driftune.demo.flights import build_flights

HERE = Path(__file__).resolve().parents[1] / "conf" / "test" / "data"
ROWS_A_WEEK = 300
LAST_WEEK = 20


def main() -> None:
    """Keep 300 flights a week of weeks 0 to 20, and the lookup rows that they can meet."""
    raw = Path(tempfile.mkdtemp())
    build_flights(raw, sample=None)
    initial = pd.read_parquet(raw / "flights" / "initial.parquet")
    kept = {"initial": initial.sample(13 * ROWS_A_WEEK, random_state=1).sort_index()}
    for week in range(13, LAST_WEEK + 1):
        rows = pd.read_parquet(raw / "flights" / "batches" / f"week_{week}.parquet")
        kept[f"batches/week_{week}"] = rows.sample(ROWS_A_WEEK, random_state=1).sort_index()
    flights = pd.concat(kept.values())
    planes = pd.read_parquet(raw / "planes.parquet")
    weather = pd.read_parquet(raw / "weather.parquet")
    kept["planes"] = planes[planes["tailnum"].isin(flights["tailnum"])]
    kept["weather"] = weather[weather["observed_at"] <= flights["departure_utc"].max()]
    for name, table in kept.items():
        path = HERE / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path, index=False, compression="zstd")


if __name__ == "__main__":
    main()
