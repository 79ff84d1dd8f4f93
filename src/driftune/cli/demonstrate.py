"""``driftune demo``: the whole story on real data."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, counted, err, out, quiet, show


def demo(
    problem: Annotated[
        str, typer.Option(help="air_time (minutes, regression) or late (classification).")
    ] = "air_time",
    full: Annotated[
        bool, typer.Option("--full", help="All 336,776 flights instead of 100,000.")
    ] = False,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Build data/01_raw and stop.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a year of New York's flights drift, and a model that is kept tuned.

    Builds the data, promotes a first champion on weeks 0-12, lets the weekly batches arrive,
    retunes when performance drops, and writes a report. Stop it with Ctrl-C, start it again: it
    goes on. `make clean-state` forgets everything.
    """
    quiet()
    from driftune.demo import story
    from driftune.project import Project

    project = Project.find()
    settings = project.settings(problem)
    console = err if as_json else out
    story.build_data(project, settings, full=full, console=console)
    if data_only:
        return
    told = story.tell(project, settings, console)
    champion = project.registry(settings.name).version_of("champion")

    def text() -> None:
        if told.is_empty:
            out.print(f"Nothing to do: every batch has its decision; version {champion} serves.")
        else:
            out.print(
                f"{counted(len(told.batches), 'batch')} watched,"
                f" {counted(len(told.retunes), 'retune')} run;"
                f" version {champion} serves."
            )
        out.print(f"Report: {escape(str(told.report))}")

    result = {
        "problem": settings.name,
        "batches": told.batches,
        "retunes": told.retunes,
        "champion": champion,
        "report": str(told.report),
    }
    show(result, as_json=as_json, text=text)
    if open_ and told.report:
        webbrowser.open(told.report.as_uri())
