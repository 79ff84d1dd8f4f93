"""The overall report of a problem: one HTML file, with links to the pages of its decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.files import replace_file
from driftune.ledger.tables import now
from driftune.reporting.decision import write_batch, write_decisions
from driftune.reporting.drift import draw_drift, draw_drift_history, read_drift
from driftune.reporting.evidence import draw_evidence
from driftune.reporting.headline import write_headline
from driftune.reporting.links import REPORT, Links
from driftune.reporting.page import render_page
from driftune.reporting.reading import tell
from driftune.reporting.records import read_records
from driftune.reporting.regret import draw_regret, read_recall
from driftune.reporting.spent import add_up
from driftune.reporting.timeline import draw_timeline
from driftune.reporting.written_plan import PLAN, read_plan

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.project import Project
    from driftune.reporting.records import Records
    from driftune.reporting.story import Batch, Story
    from driftune.reporting.study import Study
    from driftune.reporting.written_plan import WrittenPlan
    from driftune.settings import Settings


def write_report(project: Project, settings: Settings) -> Path:
    """Write the report of a problem: HTML files that need no network.

    The report itself is replaced whole. Each decision that matters has a page of its own beside
    it, which is written once. It can be written at every stage, also before there is a model, and
    while MLflow is away. Nothing else is changed.

    Args:
        project: Whose ledger, registry and data to read.
        settings: The problem.

    Returns:
        ``data/08_reporting/NAME/report.html`` of the project.

    Raises:
        ServiceUnavailable: The ledger does not answer.
    """
    records = read_records(project, settings)
    write_decisions(records)
    return _write(records)


def write_decision(project: Project, settings: Settings, batch: str) -> list[Path]:
    """Write the pages about one batch, also when it was decided to do nothing, and the report.

    Returns:
        The pages about it: the decision about each revision, then what became of its retune.

    Raises:
        UsageError: No such batch has been watched.
        ServiceUnavailable: The ledger does not answer.
    """
    records = read_records(project, settings)
    write_decisions(records)
    pages = write_batch(records, batch)
    _write(records)  # which the pages link to, and which links to them
    return pages


def _write(records: Records) -> Path:
    from driftune.reporting.study import read_latest_study  # loads Optuna

    story = tell(records)
    home = records.project.reports / records.settings.name
    study = read_latest_study(records, story)
    page = render(story, study, Links(home, home), read_plan(home / PLAN))
    target = home / REPORT
    with replace_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def render(story: Story, study: Study | None, links: Links, plan: WrittenPlan | None = None) -> str:
    """Return the report's page."""
    drifted = _newest(story, "drift")
    drift = read_drift(drifted) if drifted else None
    recalled = _newest(story, "recall")
    return render_page(
        "report.html",
        story=story, study=study, links=links, plan=plan,
        headline=write_headline(story),
        timeline_picture=draw_timeline(story),
        evidence=draw_evidence(story),
        drift=drift, drift_batch=drifted,
        drift_picture=draw_drift(drift, drifted) if drift and drifted else "",
        drift_history=draw_drift_history(story),
        regret_picture=draw_regret(story),
        recall=read_recall(recalled) if recalled else [],
        recall_batch=recalled,
        spent=add_up(story.retunes),
        back=_previous(story),
        written=now().strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip


def _newest(story: Story, name: str) -> Batch | None:
    """The newest batch on which something was measured."""
    return next((batch for batch in reversed(story.batches) if batch.details.get(name)), None)


def _previous(story: Story) -> int | None:
    """The version that a rollback would bring back."""
    held = [version.number for version in story.versions if "previous" in version.aliases]
    return held[0] if held else None
