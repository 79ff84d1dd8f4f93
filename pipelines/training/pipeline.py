"""The wiring of training."""

from kedro.pipeline import Node, Pipeline

from pipelines.training.nodes import fit, register


def create_pipeline() -> Pipeline:
    """Fit the best configuration without and with the promotion rows; register both as one."""
    return Pipeline(
        [
            Node(
                fit,
                ["search_rows", "promotion_rows", "tuning_result", "settings"],
                "models",
                name="fit",
            ),
            Node(
                register,
                [
                    "models",
                    "search_rows",
                    "promotion_rows",
                    "tuning_result",
                    "learning_span",
                    "data_version",
                    "settings",
                    "params:retune_id",
                ],
                "challenger",
                name="register",
            ),
        ]
    )
