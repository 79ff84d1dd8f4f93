"""Features against a slow, obvious join in pandas; nothing of the future leaks in."""

import numpy as np
import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.settings import load_settings
from pipelines.datasets import read_lazily
from pipelines.feature_engineering.nodes import (
    add_calendar,
    add_years_since,
    join_lookups,
    select_batches,
)

WEATHER = ["temp", "precip", "visib"]


@pytest.fixture(scope="module")
def settings(pytestconfig):
    return load_settings("tiny", root=pytestconfig.rootpath)


@pytest.fixture(scope="module")
def tables(settings):
    """Rows, planes and weather as pandas tables."""
    planes, weather = (join.table for join in settings.features.joins)
    rows = pd.read_parquet(settings.batch_files()["week_17"])
    return rows, pd.read_parquet(planes), pd.read_parquet(weather)


@pytest.fixture
def make(settings, tmp_path):
    """Return the nodes one after another, as the pipeline runs them, on one batch."""

    def run(rows, planes, weather, settings=settings):
        lookups = {
            str(join.table): written(join.table.stem, table)
            for join, table in zip(settings.features.joins, (planes, weather), strict=True)
        }
        joined = join_lookups({"week": written("week", rows)}, lookups, settings)
        made = add_years_since(add_calendar(joined, settings), settings)
        return made["week"].to_pandas()

    def written(name, table):
        path = tmp_path / f"{name}.parquet"
        table.to_parquet(path, index=False)
        return read_lazily(path)

    return run


def by_flight(table):
    keys = ["flight", "tailnum", "scheduled_departure", "origin"]
    return table.sort_values(keys, kind="stable").reset_index(drop=True)


def brute_force(rows, planes, weather):
    """The same by a loop over rows: newest weather between 8 and 2 hours before departure."""
    found = rows.merge(planes, on="tailnum", how="left")
    for column in WEATHER:
        found[column] = np.nan
    for index, row in found.iterrows():
        age = row["departure_utc"] - weather["observed_at"]
        fits = (weather["origin"] == row["origin"]) & age.between(
            pd.Timedelta("2h"), pd.Timedelta("8h")
        )
        if fits.any():
            newest = weather.loc[age[fits].idxmin()]
            found.loc[index, WEATHER] = newest[WEATHER].to_numpy(dtype=float)
    return found


def test_the_join_is_the_obvious_one(make, tables):
    rows, planes, weather = tables
    made = by_flight(make(rows, planes, weather))
    expected = by_flight(brute_force(rows, planes, weather))
    assert expected[WEATHER].notna().mean().min() > 0.9  # it compares something
    pd.testing.assert_frame_equal(
        made[["seats", *WEATHER]].astype(float), expected[["seats", *WEATHER]].astype(float)
    )
    age = made["scheduled_departure"].dt.year - expected["built"]
    pd.testing.assert_series_equal(
        made["plane_age"].astype(float), age.astype(float), check_names=False
    )
    weekday = made["scheduled_departure"].dt.dayofweek
    assert (made["day_of_week"] == weekday).all()
    assert set(weekday) == set(range(7))


def test_no_row_is_lost_doubled_or_moved(make, tables):
    rows, planes, weather = tables
    made = make(rows, planes, weather)
    kept = [name for name in rows if name in made]
    pd.testing.assert_frame_equal(made[kept], rows[kept], check_dtype=False)
    assert set(made) - set(rows) == {
        "seats", "engine", "manufacturer", "plane_age", "day_of_week", "temp", "dewp", "humid",
        "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_later_weather_changes_nothing(make, tables, seed):
    rows, planes, weather = tables
    rng = np.random.default_rng(seed)
    moment = rows["departure_utc"].sort_values().iloc[rng.integers(50, 250)]
    later = weather["observed_at"] > moment - pd.Timedelta("2h")
    changed = weather.copy()
    changed.loc[later, "temp"] = rng.normal(1000, 1, later.sum())
    changed = changed.sample(frac=1, random_state=seed)
    before = by_flight(make(rows, planes, weather))
    after = by_flight(make(rows, planes, changed))
    known = before["departure_utc"] <= moment
    assert known.any()
    pd.testing.assert_frame_equal(before[known], after[known])
    assert (after.loc[~known, "temp"] > 900).any()  # the change does reach those it may reach


def test_an_observation_counts_from_exactly_the_delay_on(make, tables):
    rows, planes, weather = tables
    row = rows.head(1)
    moment = row["departure_utc"].iloc[0] - pd.Timedelta("2h")
    observed = weather[weather["origin"] == row["origin"].iloc[0]].head(2).copy()
    observed["observed_at"] = [moment, moment + pd.Timedelta("1s")]
    observed["temp"] = [1.0, 2.0]
    assert make(row, planes, observed)["temp"].tolist() == [1.0]


def test_stale_weather_is_missing(make, tables):
    rows, planes, weather = tables
    row = rows.head(1)
    moment = row["departure_utc"].iloc[0] - pd.Timedelta("2h")
    observed = weather[weather["origin"] == row["origin"].iloc[0]].head(1).copy()
    for age, kept in (("6h", True), ("6h 1s", False)):
        observed["observed_at"] = moment - pd.Timedelta(age)
        assert make(row, planes, observed)["temp"].notna().tolist() == [kept]


def test_an_unknown_key_joins_as_missing(make, tables):
    rows, planes, weather = tables
    odd = rows.head(3).copy()
    odd["tailnum"] = ["NOBODY", None, odd["tailnum"].iloc[2]]
    odd.loc[odd.index[1], "origin"] = "XXX"
    made = make(odd, planes, weather)
    assert len(made) == 3
    assert made["seats"].isna().tolist()[:2] == [True, True]
    assert made["temp"].isna().tolist() == [False, True, False]


def test_a_missing_column_gets_the_nearest(make, tables):
    rows, planes, weather = tables
    with pytest.raises(DataError, match=r"'tailnum'.*'tail_num'"):
        make(rows.rename(columns={"tailnum": "tail_num"}), planes, weather)
    with pytest.raises(DataError, match=r"'seats'.*'seat'"):
        make(rows, planes.rename(columns={"seats": "seat"}), weather)
    with pytest.raises(DataError, match=r"'built'"):
        make(rows, planes.drop(columns="built"), weather)


def test_a_batch_that_was_not_accepted_is_named():
    with pytest.raises(DataError, match=r"'week_13'.*'week_14'"):
        select_batches({"week_14": lambda: None}, ["week_13"])


def test_a_calendar_without_time_is_refused(make, settings, tables):
    rows, planes, weather = tables
    with pytest.raises(DataError, match="`time`"):
        make(rows, planes, weather, settings.model_copy(update={"time": None}))
