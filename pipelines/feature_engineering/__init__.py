"""Accepted rows -> features, as lazy Ibis expressions on DuckDB."""

from pipelines.feature_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
