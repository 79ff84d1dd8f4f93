"""Raw rows -> accepted rows, quarantined rows, a report per batch."""

from pipelines.data_validation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
