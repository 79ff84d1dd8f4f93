"""Features -> a data version, search and promotion rows, a finished study."""

from pipelines.tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
