"""Commands about where things came from: lineage, report."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.origin import describe_origin
from driftune.cli.output import AsJson, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.errors import DriftuneError


def lineage(
    problem: ProblemName,
    version: Annotated[
        int | None, typer.Argument(help="Which version; default: the champion.")
    ] = None,
    restore: Annotated[
        bool, typer.Option(help="Bring its rows back into data/03_primary.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option(help="Bring its rows back into this folder instead.")
    ] = None,
    replay: Annotated[
        bool, typer.Option(help="Replay trial 0 on the restored rows; compares the score.")
    ] = False,
    prompts: Annotated[
        bool, typer.Option(help="Print what the language model was asked and said.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a model version came from, bring its rows back, replay its first trial."""
    quiet()
    from driftune import lineage as data
    from driftune.loop.proof import champion_or_refuse

    project, settings = open_problem(problem)
    chosen = version or champion_or_refuse(project.registry(settings.name))
    origin = data.read_origin(project, settings, chosen)
    record: dict[str, Any] = asdict(origin)
    if restore or into:
        place = None if into is None else into.resolve()
        folder = data.restore(project.root, settings.name, origin.rows, into=place)
        record["restored"] = str(folder)
    replayed = data.replay(project, settings, origin) if replay else None
    if replayed:
        record["replay"] = {**asdict(replayed), "sentence": replayed.sentence}
    lines = describe_origin(origin, record, prompts=prompts)
    show(record, as_json=as_json, text=lambda: out.print(escape("\n".join(lines))))
    if replayed and not replayed.same:
        raise typer.Exit(1)


def report(
    problem: ProblemName,
    open_: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the HTML report: timeline, decisions, trials, gate evidence, data versions."""
    quiet()
    from driftune.promotion.registry import CHAMPION
    from driftune.reporting import write_report

    project, settings = open_problem(problem)
    champion = project.registry(settings.name).version_of(CHAMPION)
    if champion is None and not project.ledger.observations(settings.name):
        raise DriftuneError(
            f"There is nothing to report yet about {settings.name!r}: no champion, no watched"
            f" batch; `driftune retune {settings.name}` makes a model."
        )
    path = write_report(project, settings)
    show({"report": str(path)}, as_json=as_json, text=lambda: out.print(escape(str(path))))
    if open_:
        webbrowser.open(path.as_uri())
