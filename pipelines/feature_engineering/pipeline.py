"""The wiring of feature engineering."""

from kedro.pipeline import Node, Pipeline

from pipelines.feature_engineering.nodes import (
    add_calendar,
    add_years_since,
    join_lookups,
    select_batches,
)


def create_pipeline() -> Pipeline:
    """Join what was known at prediction time, then derive columns; nothing is fitted here."""
    return Pipeline(
        [
            Node(select_batches, ["accepted@ibis", "batch_names"], "rows", name="select_batches"),
            Node(join_lookups, ["rows", "lookups", "settings"], "joined", name="join_lookups"),
            Node(add_calendar, ["joined", "settings"], "dated", name="add_calendar"),
            Node(add_years_since, ["dated", "settings"], "features", name="add_years_since"),
        ]
    )
