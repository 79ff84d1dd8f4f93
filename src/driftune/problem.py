"""What is predicted: one table, one target, one metric. One problem = one registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from driftune.metrics import get_metric

if TYPE_CHECKING:
    from driftune.metrics import Metric

Task = Literal["regression", "binary", "multiclass"]


class Problem(BaseModel):
    """One prediction task.

    Attributes:
        name: The registered model's name; letters, digits, ``_`` and ``-``.
        target: Column to predict. Rows without a value in it are not yet labelled.
        metric: One of :data:`driftune.metrics.METRICS`; decides the task too.
        time: Column that orders the rows; ``None`` when they have no order.
        ids: Columns that name a row; never features.
        drop: Columns that are not known when a prediction is made, or not wanted.
        group: Column whose equal values belong together, such as a patient or a machine; never a
            feature. Validation keeps its groups whole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    target: str
    metric: str
    time: str | None = None
    ids: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    group: str | None = None

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, value: str) -> str:
        return get_metric(value).name

    @property
    def metric_object(self) -> Metric:
        """The metric with its direction and losses."""
        return get_metric(self.metric)

    @property
    def task(self) -> Task:
        """``regression``, ``binary`` or ``multiclass``: what the metric is for."""
        return self.metric_object.task
