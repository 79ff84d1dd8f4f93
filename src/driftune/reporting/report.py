"""Put the story, the pictures and the page together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.files import replace_file
from driftune.ledger.tables import now

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.project import Project
    from driftune.reporting.story import Story
    from driftune.reporting.study import Study
    from driftune.settings import Settings


def write_report(project: Project, settings: Settings) -> Path:
    """Write the report of a problem: one HTML file that needs no network and no other file.

    It can be written at every stage, also before there is a model; an earlier one is replaced
    whole. Nothing else is changed.

    Args:
        project: Whose ledger, registry and data to read.
        settings: The problem.

    Returns:
        ``data/08_reporting/NAME/report.html`` of the project.

    Raises:
        ServiceUnavailable: The ledger or the registry does not answer.
    """
    from driftune.reporting.reading import read_story
    from driftune.reporting.study import read_study

    story = read_story(project, settings)
    page = render(story, read_study(project, settings, story))
    target = project.reports / settings.name / "report.html"
    with replace_file(target) as path:
        path.write_text(page, encoding="utf-8")
    return target


def render(story: Story, study: Study | None) -> str:
    """Return the page. All text is escaped; only our own pictures go in as markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from driftune.reporting.evidence import draw_evidence
    from driftune.reporting.headline import write_headline
    from driftune.reporting.timeline import draw_timeline

    environment = Environment(
        loader=PackageLoader("driftune.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("report.html").render(
        story=story,
        study=study,
        headline=write_headline(story),
        timeline=draw_timeline(story),
        evidence=draw_evidence(story),
        written=now().strftime("%Y-%m-%d %H:%M UTC"),
    )


def _number(value: float | None, digits: int = 4) -> str:
    """Four significant digits, or a dash for what is not known (NaN too).

    >>> _number(16.7221), _number(None)
    ('16.72', '-')
    """
    return "-" if value is None or value != value else f"{value:,.{digits}g}"  # noqa: PLR0124
