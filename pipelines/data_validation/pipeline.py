"""The wiring of data validation."""

from kedro.pipeline import Node, Pipeline

from pipelines.data_validation.nodes import check_batches


def create_pipeline() -> Pipeline:
    """Check each batch, keep the reports, then stop or pass the good rows on.

    What stops is the validator of ``accepted@pandas`` in the catalog.
    """
    return Pipeline(
        [
            Node(
                check_batches,
                inputs=[
                    "raw_batches", "batch_names", "reference", "repairs", "earlier_reports",
                    "settings", "params:retune_id",
                ],
                outputs=[
                    "quarantined", "validation_reports", "validation_pages", "accepted@pandas",
                ],
                name="check_batches",
            ),
        ]
    )  # fmt: skip
