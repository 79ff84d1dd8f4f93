"""Clean streams: tables in which, by construction, nothing drifts."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLIGHTS = "flights"
BUNDLED = ("digits", "diabetes", "breast_cancer")


@cache
def _flights() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return features of weeks 0 to 12 in order of departure, and the day of each."""
    from tuning_tables import load_table

    table = load_table("air_time", seed=0)
    days = table.train[table.problem.time].dt.day_of_year.to_numpy()
    return table.features(table.train), days


def read_flights() -> pd.DataFrame:
    """Return the flights as they came."""
    return _flights()[0]


def shuffle_days(seed: int) -> pd.DataFrame:
    """Return the flights with their days in random order.

    Hours follow each other as in life, so the weather still wanders from window to window; but no
    season passes. (``day_of_week`` comes with its day.)
    """
    frame, days = _flights()
    order = np.random.default_rng(seed).permutation(np.unique(days))
    return pd.concat([frame[days == day] for day in order], ignore_index=True)


def shuffle_rows(name: str, seed: int) -> pd.DataFrame:
    """Return a table that scikit-learn brings along, its rows in random order."""
    from sklearn import datasets

    frame: pd.DataFrame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


def draw_stream(name: str, seed: int) -> pd.DataFrame:
    """Return one shuffling of a table by name."""
    return shuffle_days(seed) if name == FLIGHTS else shuffle_rows(name, seed)
