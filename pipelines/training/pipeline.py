"""The wiring of training."""

from kedro.pipeline import Node, Pipeline

from pipelines.training.nodes import fit, register


def create_pipeline() -> Pipeline:
    """Fit the best configuration on all search rows and register the result."""
    return Pipeline(
        [
            Node(fit, ["search_rows", "tuning_result", "settings"], "model", name="fit"),
            Node(
                register,
                [
                    "model",
                    "search_rows",
                    "tuning_result",
                    "data_version",
                    "settings",
                    "params:retune_id",
                ],
                "challenger",
                name="register",
            ),
        ]
    )
