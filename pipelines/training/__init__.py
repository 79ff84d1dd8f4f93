"""A finished study -> a fitted pipeline, registered as challenger."""

from pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
