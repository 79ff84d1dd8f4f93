"""The pipelines, by name, in the order in which data flows."""

from kedro.pipeline import Pipeline

from pipelines import data_validation, feature_engineering, training, tuning


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name; ``__default__`` runs them all."""
    pipelines = {
        "data_validation": data_validation.create_pipeline(),
        "feature_engineering": feature_engineering.create_pipeline(),
        "tuning": tuning.create_pipeline(),
        "training": training.create_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
