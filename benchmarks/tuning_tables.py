"""The tables of the tuning race, split into rows to tune on and rows that only judge."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.metrics import Metric, get_metric
from driftune.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
ROWS = 24_000
TEST_SHARE = 0.25
OTHER_SEED = 1000
FLIGHTS = ("air_time", "late")
SAMPLE = 110_000  # flights of the year: weeks 0 to 12 then hold 25,000 with an air time
TEST_WEEK = 13
WEEKS = 6  # from there on, that are built: the test needs a third as many rows as weeks 0 to 12
BUNDLED = {
    "diabetes": "rmse",
    "breast_cancer": "log_loss",
    "wine": "accuracy",
    "digits": "accuracy",
}
TABLES = (*FLIGHTS, *BUNDLED)


@dataclass(frozen=True)
class RaceTable:
    """One problem of the race.

    Attributes:
        problem: Target, metric, time column.
        train: The rows that an arm may see.
        test: Later rows of the flights, random rows of the others; no arm sees them.
        seed: Of the test split, and of folds that are shuffled.
    """

    problem: Problem
    train: pd.DataFrame
    test: pd.DataFrame
    seed: int

    def cut(self, folds: int, *, anew: bool = False) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return training and validation positions in ``train``: by time, else stratified.

        Args:
            folds: How many.
            anew: Shuffle otherwise than the arms do.
        """
        from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

        if self.problem.time is not None:
            splitter = TimeSeriesSplit(folds)
        else:
            kind = KFold if self.problem.task == "regression" else StratifiedKFold
            seed = self.seed + (OTHER_SEED if anew else 0)
            splitter = kind(folds, shuffle=True, random_state=seed)
        return list(splitter.split(self.train, self.train[self.problem.target]))

    def neutral_folds(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return folds that no arm chose its best by: other cuts in time, another shuffle."""
        return self.cut(4 if self.problem.time is not None else 5, anew=True)

    @cached_property
    def train_features(self) -> pd.DataFrame:
        """Features of ``train``, made once as a user would."""
        return self.features(self.train)

    def features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the features as a user hands them to LightGBM: text as categories."""
        problem = self.problem
        out = [problem.target, *problem.ids, *problem.drop, *([problem.time] * bool(problem.time))]
        columns = rows.drop(columns=[name for name in out if name in rows])
        for name in columns.select_dtypes(exclude="number"):
            known = np.sort(self.train[name].dropna().unique())
            columns[name] = columns[name].astype("category").cat.set_categories(known)
        return columns

    def target(self, rows: pd.DataFrame) -> NDArray[Any]:
        """Return the target."""
        return rows[self.problem.target].to_numpy()

    def score(self, y: NDArray[Any], prediction: NDArray[Any]) -> float:
        """Return the problem's metric."""
        return self.problem.metric_object.score(y, prediction)


def load_table(name: str, *, seed: int, rows: int = ROWS) -> RaceTable:
    """Build a table of :data:`TABLES`.

    Args:
        name: Of the table.
        seed: Of the test split and the folds; the flights are split by time alone.
        rows: Flights to tune on, the newest before the cut; a third as many are the test.
    """
    from sklearn.model_selection import train_test_split

    if name in FLIGHTS:
        problem, frame = _flights(name)
        start, cut = _cut(frame, problem, rows)
        train, test = frame[start:cut], frame[cut : cut + (cut - start) // 3]
    else:
        problem, frame = _bundled(name)
        labels = None if problem.task == "regression" else frame["target"]
        train, test = train_test_split(
            frame, test_size=TEST_SHARE, random_state=seed, stratify=labels
        )
    return RaceTable(problem, train.reset_index(drop=True), test.reset_index(drop=True), seed)


def _bundled(name: str) -> tuple[Problem, pd.DataFrame]:
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return Problem(name=name, target="target", metric=BUNDLED[name]), frame


def _cut(frame: pd.DataFrame, problem: Problem, rows: int) -> tuple[int, int]:
    """Return the first row to tune on, and the first one of the week where the test begins."""
    week = (frame[problem.time].dt.day_of_year - 1) // 7
    cut = int(np.searchsorted(week, TEST_WEEK))
    return max(0, cut - rows), cut


@cache
def _flights(name: str) -> tuple[Problem, pd.DataFrame]:
    """Flights in order of departure, with the features of the demonstration."""
    from driftune.demo.flights import build_flights
    from driftune.settings import load_settings
    from pipelines.datasets import read_lazily
    from pipelines.feature_engineering import nodes

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build_flights(root / "data" / "01_raw", sample=SAMPLE)
        settings = load_settings(ROOT / "conf" / "problems" / f"{name}.yml", root=root)
        lookups = {str(join.table): read_lazily(join.table) for join in settings.features.joins}
        files = list(settings.batch_files().items())[: 1 + WEEKS]
        batches = {key: read_lazily(file) for key, file in files}
        joined = nodes.join_lookups(batches, lookups, settings)
        features = nodes.add_years_since(nodes.add_calendar(joined, settings), settings)
        frame = pd.concat([table.to_pandas() for table in features.values()])
    problem = settings.problem
    labelled = frame[frame[problem.target].notna()]
    return problem, labelled.sort_values([problem.time, *problem.ids], ignore_index=True)


def metric_of(name: str) -> Metric:
    """Return the metric of a table without building it."""
    return get_metric({"air_time": "rmse", "late": "roc_auc", **BUNDLED}[name])
