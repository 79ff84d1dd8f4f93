"""The section ``validation`` of a problem's YAML file: what a batch must be like."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from driftune.durations import read_duration
from driftune.section import Section

Severity = Literal["critical", "warning", "off"]


class Expectation(Section):
    """One check of Great Expectations.

    Attributes:
        type: Its name, e.g. ``expect_column_values_to_be_between``.
        severity: ``critical`` stops the run (or, for checks of single rows, quarantines the rows
            up to ``max_quarantine_share``); ``warning`` goes on and tags the run.
        column: The column, for column checks.
        arguments: Everything else that the check takes, e.g. ``{min_value: 0}``.
    """

    type: str
    severity: Literal["critical", "warning"] = "critical"
    column: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)


class BuiltIn(Section):
    """How bad it is when a check fails that needs no setting.

    ``critical``: the rows are put aside, or the batch is refused; ``warning``: it goes on and the
    run is tagged; ``off``: not checked. Most are learned from the initial rows. Columns that are
    missing, renamed or of another type are always critical.

    Attributes:
        all_null: A column that had values has none.
        infinite: Numbers that are infinite (single rows).
        duplicates: Rows that repeat an earlier one in every column (single rows).
        times: Rows without a time, or with one more than a day in the future (single rows).
        freshness: The newest row is older than ``validation.max_age``.
        unit_change: The typical size of a column has moved by a factor of 30 or more, out of all
            that the initial rows have.
        target: Classes that the initial rows do not have (single rows); a regression's labels that
            are all the same.
        target_range: A regression's labels three spans outside of the initial rows' (single rows).
        unseen_levels: More than 5 % of the rows have a category that the initial rows do not have.
        new_columns: Columns that the initial rows do not have.
        row_count: Five times the rows that earlier batches have, or a fifth.
    """

    all_null: Severity = "critical"
    infinite: Severity = "critical"
    duplicates: Severity = "critical"
    times: Severity = "critical"
    freshness: Severity = "critical"
    unit_change: Severity = "critical"
    target: Severity = "critical"
    target_range: Severity = "warning"
    unseen_levels: Severity = "warning"
    new_columns: Severity = "warning"
    row_count: Severity = "warning"

    @field_validator("*", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: object) -> object:
        return "off" if value is False else value


class Validation(Section):
    """Checks of the raw rows; `driftune expect` drafts this section from the initial rows.

    Attributes:
        max_quarantine_share: Share of rows in ``[0, 1]`` that may be put aside as bad; above it
            the whole batch is refused.
        types: Column -> what it holds; default: what it holds in the initial rows.
        max_age: Duration such as ``10d``: the newest row may be so old when its batch arrives.
        built_in: How bad the failures of the checks are that need no setting.
        expectations: Further checks.
    """

    max_quarantine_share: float = Field(default=0.05, ge=0, le=1)
    types: dict[str, Literal["number", "text", "time", "boolean"]] = Field(default_factory=dict)
    max_age: str | None = None
    built_in: BuiltIn = BuiltIn()
    expectations: tuple[Expectation, ...] = ()

    @field_validator("max_age")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None:
            read_duration(value)
        return value
