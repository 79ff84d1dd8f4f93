"""How a table becomes a task, and the recipes of the paper's seven tables.

Seven tables, two models each: the paper's 14 tasks. Source of every number below:
``src/configs/datasets/*.py`` and ``src/configs/config_params.py`` in KananMahammadli/SLLMBO (MIT),
the code of arXiv 2410.20302. The tables themselves are the user's to fetch; file names as there.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Task: TypeAlias = Literal["regression", "classification"]

FOLDS = 5
SPLIT_SEED = 42  # of the test split, the folds and the models, in the paper and here
TEST_SHARE = 0.2
MOST_ROWS = 20_000  # the paper's SAMPLE_SIZE, which it applies to cover_type
FOLD_ROWS_IN_ORDER = 100  # test_size of its TimeSeriesSplit
GROUPS_PER_FOLD = 28  # days, for m5


class Recipe(BaseModel):
    """What is done with a table before the search.

    Attributes:
        target: The column to predict.
        task: ``None`` tells it from the target.
        drop: Columns that are not features.
        first_columns: Keep only so many features.
        rows: Draw so many rows at random when the table has more.
        in_order: The rows are ordered in time: the last ones are the test split, and the folds go
            forward.
        test_rows: Rows of the test split; ``None`` takes a fifth.
        categorical: Numbers that are categories. Text always is.
        group: Column whose equal neighbours (a day) stay together in the folds; implies order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    task: Task | None = None
    drop: tuple[str, ...] = ()
    first_columns: int | None = Field(default=None, ge=1)
    rows: int | None = Field(default=MOST_ROWS, ge=50)
    in_order: bool = False
    test_rows: int | None = Field(default=None, ge=1)
    categorical: tuple[str, ...] = ()
    group: str | None = None


PAPER: dict[str, Recipe] = {
    "gas_drift": Recipe(
        target="Class", task="classification", drop=("id",), first_columns=5, rows=None
    ),
    "cover_type": Recipe(
        target="Cover_Type", task="classification", drop=("Id",), first_columns=5, rows=MOST_ROWS
    ),
    "adult_census": Recipe(
        target="class",
        task="classification",
        rows=None,
        drop=(
            "id",
            "ID",
            "native-country",
            "fnlwgt",
            "workclass",
            "education",
            "marital-status",
            "occupation",
            "relationship",
            "race",
            "sex",
            "capital-gain",
        ),
    ),
    "bike_sharing": Recipe(
        target="cnt",
        task="regression",
        drop=("instant", "dteday", "casual", "registered"),
        rows=None,
        in_order=True,
    ),
    "concrete_strength": Recipe(
        target="strength", task="regression", drop=("age", "fine_aggregate"), rows=None
    ),
    "energy": Recipe(
        target="Appliances", task="regression", drop=("date",), rows=None, in_order=True
    ),
    "m5": Recipe(
        target="sales",
        task="regression",
        drop=("id", "date", "d"),
        rows=None,
        in_order=True,
        test_rows=5040,
        categorical=("item_id", "dept_id", "cat_id", "store_id", "state_id"),
        group="date",
    ),
}
