"""From a table and its recipe to training rows, folds and a test split, as the paper cuts them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from driftune.bench.recipes import (
    FOLD_ROWS_IN_ORDER,
    FOLDS,
    GROUPS_PER_FOLD,
    PAPER,
    SPLIT_SEED,
    TEST_SHARE,
    Recipe,
    Task,
)
from driftune.errors import DataError, UsageError, close_match

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from driftune.bench.tables import Table

MOST_CLASSES = 100
_FEW_VALUES = 20  # whole numbers with so few values are read as classes
_FEWEST_ROWS = 50


@dataclass(frozen=True)
class Prepared:
    """A task that is ready to be searched.

    Attributes:
        name: Of the table.
        task: Regression or classification.
        X_train: (n, p) numbers and categories; columns are called ``c0`` to ``c<p-1>``.
        y_train: (n,) floats, or classes 0..k-1.
        X_test: (m, p).
        y_test: (m,).
        folds: Positions in ``X_train``: training rows and validation rows.
        fingerprint: Changes with the data, the splits or the task.
    """

    name: str
    task: Task
    X_train: pd.DataFrame
    y_train: NDArray[Any]
    X_test: pd.DataFrame
    y_test: NDArray[Any]
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
    fingerprint: str

    @property
    def metric(self) -> str:
        """Weighted F1, or the mean absolute error in units of the target."""
        return "weighted F1" if self.task == "classification" else "mean absolute error"

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Optuna's word for it."""
        return "maximize" if self.task == "classification" else "minimize"

    @property
    def has_categories(self) -> bool:
        """Whether a column holds categories."""
        return bool((self.X_train.dtypes == "category").any())

    def describe(self) -> str:
        """Say in a sentence what a language model may know: counts, no name and no value."""
        rows, columns = self.X_train.shape
        kind = "regression"
        if self.task == "classification":
            kind = f"classification into {len(np.unique(self.y_train))} classes"
        return f"Tabular {kind}: {rows} training rows, {columns} features, {len(self.folds)} folds."


def prepare(table: Table) -> Prepared:
    """Read a table and cut it.

    Rows without a target are left out. Text becomes categories, dates become seconds.

    Raises:
        DataError: No such column, a target that does not suit the task, too few rows, or a class
            that is too rare for the folds.
        UsageError: A recipe that leaves no feature.
    """
    recipe, frame = table.recipe, table.read()
    _check_columns(table.name, recipe, frame)
    frame = frame[frame[recipe.target].notna()]
    if recipe.rows is not None and recipe.rows < len(frame):
        frame = frame.sample(n=recipe.rows, random_state=SPLIT_SEED)
        frame = frame.sort_index() if recipe.in_order else frame
    if len(frame) < _FEWEST_ROWS:
        raise DataError(
            f"{table.name} has {len(frame)} rows with a target; at least {_FEWEST_ROWS} are needed."
        )
    task, y = _read_target(table.name, recipe, frame[recipe.target])
    X = _encode(frame.drop(columns=[recipe.target, *recipe.drop], errors="ignore"), recipe)
    if X.shape[1] == 0:
        raise UsageError(f"{table.name} has no feature left after dropping columns.")
    train, test = _split(len(frame), recipe)
    groups = None if recipe.group is None else frame[recipe.group].to_numpy()[train]
    if task == "classification":
        _check_classes(table.name, y, y[train])
    folds = cut_folds(y[train], task, recipe, groups)
    return Prepared(
        table.name, task, X.iloc[train], y[train], X.iloc[test], y[test], folds,
        _fingerprint(X, y, folds, task),
    )  # fmt: skip


def cut_folds(
    y: NDArray[Any], task: Task, recipe: Recipe, groups: NDArray[Any] | None = None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cut training rows into folds: stratified, shuffled, or forward in time.

    >>> import numpy as np
    >>> recipe = Recipe(target="y", in_order=True)
    >>> [(len(a), len(b)) for a, b in cut_folds(np.arange(1000.0), "regression", recipe)]
    [(500, 100), (600, 100), (700, 100), (800, 100), (900, 100)]
    """
    from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

    if groups is not None:
        return _forward_by_group(groups)
    if recipe.in_order:
        rows = min(FOLD_ROWS_IN_ORDER, len(y) // (FOLDS + 1))
        cut = TimeSeriesSplit(n_splits=FOLDS, test_size=rows)
    else:
        kind = StratifiedKFold if task == "classification" else KFold
        cut = kind(n_splits=FOLDS, shuffle=True, random_state=SPLIT_SEED)
    return list(cut.split(np.zeros(len(y)), y))


def _forward_by_group(
    groups: NDArray[Any],
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Roll a window of fixed length over groups of neighbours; each fold validates on 28."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    edges = np.r_[starts, len(groups)]
    window = len(starts) - FOLDS * GROUPS_PER_FOLD
    if window <= 0:
        raise DataError(
            f"{len(starts)} groups are too few for {FOLDS} folds of {GROUPS_PER_FOLD} groups."
        )
    folds = []
    for fold in range(FOLDS):
        first = fold * GROUPS_PER_FOLD
        middle, last = first + window, first + window + GROUPS_PER_FOLD
        folds.append(
            (np.arange(edges[first], edges[middle]), np.arange(edges[middle], edges[last]))
        )
    return folds


def _check_columns(name: str, recipe: Recipe, frame: pd.DataFrame) -> None:
    # The paper's recipes drop columns that only some copies of its tables have.
    dropped = () if recipe in PAPER.values() else recipe.drop
    for column in filter(None, (recipe.target, recipe.group, *recipe.categorical, *dropped)):
        if column not in frame:
            raise DataError(
                f"{name} has no column {column!r}.{close_match(column, map(str, frame.columns))}"
            )


def _read_target(name: str, recipe: Recipe, target: pd.Series[Any]) -> tuple[Task, NDArray[Any]]:
    """Return the task and floats, or classes 0..k-1."""
    import pandas as pd

    number = pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_bool_dtype(target)
    few = target.nunique() <= _FEW_VALUES and bool(number and (target % 1 == 0).all())
    task = recipe.task or ("regression" if number and not few else "classification")
    if task == "regression":
        if not number:
            raise DataError(
                f"The target {recipe.target!r} of {name} holds {target.iloc[0]!r}, which is no "
                "number: say --task classification."
            )
        y = target.to_numpy(dtype=float)
        if not np.isfinite(y).all():
            raise DataError(f"The target {recipe.target!r} of {name} holds infinite numbers.")
        return task, y
    codes, classes = pd.factorize(target, sort=True)
    if not 2 <= len(classes) <= MOST_CLASSES:
        hint = "" if len(classes) < 2 else " Say --task regression?"
        raise DataError(
            f"The target {recipe.target!r} of {name} has {len(classes)} classes; classification "
            f"needs 2 to {MOST_CLASSES}.{hint}"
        )
    return task, codes


def _check_classes(name: str, y: NDArray[Any], y_train: NDArray[Any]) -> None:
    counts = np.bincount(y_train, minlength=int(y.max()) + 1)
    if counts.min() < FOLDS:
        raise DataError(
            f"A class of {name} has {counts.min()} training rows; {FOLDS} folds need at least "
            f"{FOLDS}: merge or leave out rare classes."
        )


def _encode(frame: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Numbers and categories only, under names that no library stumbles over."""
    import pandas as pd

    kept = frame.iloc[:, : recipe.first_columns]
    columns = {}
    for number, name in enumerate(kept):
        column = kept[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            column = (column - column.min()).dt.total_seconds()
        elif name in recipe.categorical or not pd.api.types.is_numeric_dtype(column):
            column = column.astype("category")
        else:  # nullable integers and booleans too
            column = column.astype("float64" if column.notna().all() else "Float64")
            column = pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index)
            column = column.where(np.isfinite(column))
        columns[f"c{number}"] = column
    return pd.DataFrame(columns).reset_index(drop=True)


def _split(rows: int, recipe: Recipe) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from sklearn.model_selection import train_test_split

    ordered = recipe.in_order or recipe.group is not None
    size = recipe.test_rows or TEST_SHARE
    if recipe.test_rows and recipe.test_rows >= rows:
        raise DataError(f"{rows} rows are too few for a test split of {recipe.test_rows}.")
    train, test = train_test_split(
        np.arange(rows),
        test_size=size,
        shuffle=not ordered,
        random_state=None if ordered else SPLIT_SEED,
    )
    return train, test


def _fingerprint(X: pd.DataFrame, y: NDArray[Any], folds: list[Any], task: str) -> str:
    import pandas as pd

    digest = hashlib.sha256(task.encode())
    digest.update(pd.util.hash_pandas_object(X, index=False).to_numpy().tobytes())
    digest.update(np.ascontiguousarray(y).tobytes())
    for train, test in folds:
        digest.update(np.r_[train, -1, test].astype(np.int64).tobytes())
    return digest.hexdigest()[:12]
