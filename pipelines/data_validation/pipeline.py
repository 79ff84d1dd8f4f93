"""The wiring of data validation."""

from kedro.pipeline import Node, Pipeline

from pipelines.data_validation.nodes import accept_or_stop, check_batches


def create_pipeline() -> Pipeline:
    """Check each batch, keep the report, then stop or pass the good rows on."""
    return Pipeline(
        [
            Node(
                check_batches,
                inputs=["raw_batches", "batch_names", "settings"],
                outputs=["checked_batches", "quarantined", "validation_reports"],
                name="check_batches",
            ),
            Node(
                accept_or_stop,
                inputs=["checked_batches", "validation_reports", "batch_names"],
                outputs="accepted@pandas",
                name="accept_or_stop",
            ),
        ]
    )
