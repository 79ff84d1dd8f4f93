"""What is kept of each batch's checks: JSON for programs, one HTML page for people."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)
MOST_TAG_CHARACTERS = 450  # MLflow's tags end at 5,000; a sentence or three are read


def reports_folder(root: Path, problem: str) -> Path:
    """Return the folder of the reports of a problem's batches."""
    return root / "data" / "08_reporting" / problem / "validation"


def read_report(root: Path, problem: str, batch: str) -> dict[str, Any] | None:
    """Return the report of a batch as the checks wrote it last; ``None`` without one."""
    path = reports_folder(root, problem) / f"{batch}.json"
    if not path.exists():
        return None
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(report, dict):
            raise ValueError(f"it holds a {type(report).__name__}")
    except ValueError as error:  # also no JSON, no UTF-8
        logger.warning("%s is damaged (%s); the next check of %r renews it.", path, error, batch)
        return None
    return report


def read_summary(root: Path, problem: str, batch: str) -> dict[str, Any] | None:
    """Return what an observation keeps of the report: counts, warnings, the page's path."""
    report = read_report(root, problem, batch)
    if report is None:
        return None
    kept = {key: report[key] for key in ("success", "rows", "quarantined", "reasons", "warnings")}
    page = reports_folder(root, problem) / f"{batch}.html"
    return {**kept, "page": page.relative_to(root).as_posix()}


def run_tags(root: Path, problem: str, batches: Iterable[str]) -> dict[str, str]:
    """Return what tags a run, or a model, that learned from these batches.

    ``driftune.validation`` is ``passed``, or the number of warnings and the first of them;
    ``driftune.quarantined`` counts the rows that were put aside.
    """
    reports = [r for batch in batches if (r := read_report(root, problem, batch)) is not None]
    warned = [f"{r['batch']}: {sentence}" for r in reports for sentence in r["warnings"]]
    told = f"{len(warned)} warnings; {'; '.join(warned)}"[:MOST_TAG_CHARACTERS]
    return {
        "driftune.validation": told if warned else "passed",
        "driftune.quarantined": str(sum(r["quarantined"] for r in reports)),
    }


def write_page(report: dict[str, Any]) -> str:
    """Return a report as one HTML page that needs no network and no other file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("driftune.validation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("validation.html").render(report=report)
