"""A part of a problem's YAML file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the file; unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
