"""The wiring of tuning."""

from kedro.pipeline import Node, Pipeline

from pipelines.tuning.nodes import collect_rows, hold_out, record_data_version, search, track


def create_pipeline() -> Pipeline:
    """Fix the data version, keep the newest rows for the gate, search on the rest."""
    return Pipeline(
        [
            Node(
                record_data_version,
                ["accepted@ibis", "batch_names", "settings"],
                "data_version",
                name="record_data_version",
            ),
            Node(collect_rows, ["features", "batch_names"], "labelled_rows", name="collect_rows"),
            Node(
                hold_out,
                ["labelled_rows", "settings"],
                ["search_rows", "promotion_rows"],
                name="hold_out",
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
