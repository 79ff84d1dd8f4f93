"""What was seen in one batch, as names and values for a page; and how its rows were validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.reporting.page import write_moment, write_number, write_percent

if TYPE_CHECKING:
    from driftune.reporting.links import Links
    from driftune.reporting.story import Batch, Check, Story

Fact = tuple[str, str]


@dataclass(frozen=True)
class Validated:
    """How the rows of a batch did.

    Attributes:
        known: Whether there is a record at all.
        refusal: Why they were refused; ``None`` when they were not.
        rows: How many arrived; ``None`` when that is not on record.
        quarantined: Those put aside.
        warnings: A sentence each.
        page: Address of all that was checked.
    """

    known: bool
    refusal: str | None = None
    rows: int | None = None
    quarantined: int = 0
    warnings: tuple[str, ...] = ()
    page: str | None = None


def describe_observation(story: Story, batch: Batch) -> list[Fact]:
    """Return what was measured and decided, the most important first."""
    found = [
        ("Decision", _decision(batch)),
        (f"{story.metric.name} of version {batch.version}", _measured(batch)),
        ("Seen first, before more labels came", _interval(batch.first)),
        ("Estimated without labels", _interval(batch.estimate)),
        ("On the rows it was promoted by", write_number(batch.reference)),
        ("Growth of the loss since", write_percent(batch.details.get("relative_drop"))),
        ("Observed", write_moment(batch.at)),
        ("Hash of its file", batch.data_version or "-"),
    ]
    return [(name, value) for name, value in found if value != "-"]


def _decision(batch: Batch) -> str:
    trigger = f", by {batch.trigger.replace('_', ' ')}" if batch.trigger else ""
    return batch.outcome.replace("_", " ") + trigger + (", a breach" if batch.breach else "")


def _measured(batch: Batch) -> str:
    if batch.value is None:
        return "-" if batch.refused else f"not enough labels ({_rows(batch)})"
    return f"{_interval(batch)} on {_rows(batch)}"


def _rows(batch: Batch) -> str:
    rows, without = batch.details.get("rows"), batch.details.get("unlabelled")
    text = "an unknown number of rows" if rows is None else f"{rows:,} labelled rows"
    return text + (f", {without:,} without a label" if without else "")


def _interval(found: Any) -> str:
    """Write anything that has ``value``, ``low`` and ``high``; a dash for nothing."""
    if found is None or found.value is None:
        return "-"
    text = write_number(found.value)
    if found.low is None or found.high is None:
        return text
    return f"{text} ({write_number(found.low)} to {write_number(found.high)})"


def read_validated(batch: Batch | None, check: Check | None, links: Links) -> Validated:
    """Read how the rows did: from the ledger, and from the report when it is of these rows.

    Args:
        batch: As it was observed.
        check: The report on disk; ``None`` when it may be of later bytes of the same batch.
        links: To find its page.
    """
    if batch is None:
        return Validated(known=False)
    stored = batch.details.get("validation")
    facts: dict[str, Any] = {"warnings": stored or ()}
    if check is not None:
        facts = {"rows": check.rows, "quarantined": check.quarantined, "warnings": check.warnings}
    if isinstance(stored, dict):
        facts |= stored
    refusal = batch.details.get("refusal") if batch.refused else None
    return Validated(
        known=check is not None or stored is not None,
        refusal=refusal and str(refusal),
        rows=facts.get("rows"),
        quarantined=int(facts.get("quarantined") or 0),
        warnings=tuple(str(warning) for warning in facts.get("warnings") or ()),
        page=links.check(check) if check is not None else None,
    )
