"""The wiring of tuning."""

from kedro.pipeline import Node, Pipeline

from pipelines.tuning.nodes import (
    choose_rows,
    collect_rows,
    find_newest,
    hold_out,
    record_data_version,
    search,
    track,
)


def create_pipeline() -> Pipeline:
    """Fix the data version, keep the newest rows for the gate, search on what is worth knowing."""
    return Pipeline(
        [
            Node(
                record_data_version,
                ["accepted@ibis", "batch_names", "settings", "params:tuning"],
                "data_version",
                name="record_data_version",
            ),
            Node(collect_rows, ["features", "batch_names"], "labelled_rows", name="collect_rows"),
            Node(
                find_newest,
                ["features", "batch_names", "settings"],
                "newest_batch",
                name="find_newest",
            ),
            Node(
                hold_out,
                ["labelled_rows", "newest_batch", "batch_names", "settings"],
                ["known_rows", "promotion_rows"],
                name="hold_out",
            ),
            Node(
                choose_rows,
                ["known_rows", "promotion_rows", "newest_batch", "settings"],
                ["search_rows", "learning_span"],
                name="choose_rows",
            ),
            Node(
                search,
                ["search_rows", "settings", "params:tuning", "params:retune_id"],
                "tuning_result",
                name="search",
            ),
            Node(
                track,
                ["tuning_result", "data_version", "settings", "params:retune_id"],
                "tracked_run",
                name="track",
            ),
        ]
    )
