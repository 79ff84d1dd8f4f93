"""The tables that plans are tried on: flights, the weather of their year, and made ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
from tuning_tables import load_table

from driftune.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

TEST_SHARE = 0.25


@dataclass(frozen=True)
class PlanTable:
    """One problem: the rows to plan and tune on, and rows that only judge.

    Attributes:
        name: Of the table.
        problem: Target, metric, time column.
        train: Rows that a study may see.
        test: Later rows where there is a time, else random ones.
    """

    name: str
    problem: Problem
    train: pd.DataFrame
    test: pd.DataFrame


def _raced(name: str, seed: int) -> PlanTable:
    """A table of the tuning race."""
    table = load_table(name, seed=seed)
    return PlanTable(name, table.problem, table.train, table.test)


@cache
def _weather_rows() -> pd.DataFrame:
    """The hours of a year at three airports; the temperature is what is predicted."""
    from driftune.demo.flights import _read

    rows = _read("weather.csv").drop(columns=["dewp", "year", "minute"], errors="ignore")
    rows["time_hour"] = pd.to_datetime(rows["time_hour"])
    return rows[rows["temp"].notna()].sort_values("time_hour", ignore_index=True)


def _weather(name: str, seed: int) -> PlanTable:
    del seed  # split by time alone
    rows = _weather_rows()
    cut = int(len(rows) * (1 - TEST_SHARE))
    problem = Problem(name=name, target="temp", metric="rmse", time="time_hour")
    return PlanTable(name, problem, rows[:cut].reset_index(drop=True), rows[cut:])


def _friedman(name: str, seed: int) -> PlanTable:
    """Friedman's first function with ten columns of noise, 120,000 rows."""
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(n_samples=150_000, n_features=20, noise=1.0, random_state=seed)
    rows = pd.DataFrame(X, columns=[f"x{n}" for n in range(20)]).assign(y=y)
    problem = Problem(name=name, target="y", metric="rmse")
    return PlanTable(name, problem, rows[:120_000], rows[120_000:].reset_index(drop=True))


def _classes(name: str, seed: int) -> PlanTable:
    """Two classes in clusters of a hypercube, a tenth of the labels wrong, 60,000 rows."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        n_samples=80_000, n_features=20, n_informative=10, n_clusters_per_class=4, flip_y=0.1,
        class_sep=0.8, random_state=seed,
    )  # fmt: skip
    rows = pd.DataFrame(X, columns=[f"x{n}" for n in range(20)]).assign(y=y)
    problem = Problem(name=name, target="y", metric="log_loss")
    return PlanTable(name, problem, rows[:60_000], rows[60_000:].reset_index(drop=True))


_MAKERS: dict[str, Callable[[str, int], PlanTable]] = {
    "air_time": _raced,
    "late": _raced,
    "weather": _weather,
    "friedman": _friedman,
    "classes": _classes,
    "digits": _raced,
    "breast_cancer": _raced,
}
TABLES = tuple(_MAKERS)


def load_plan_table(name: str, seed: int) -> PlanTable:
    """Build a table; the seed draws what is made, and the split of what has no time."""
    return _MAKERS[name](name, seed)
