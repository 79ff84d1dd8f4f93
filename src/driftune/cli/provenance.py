"""Commands about where things came from: lineage, report."""

from __future__ import annotations

import json
import webbrowser
from typing import Annotated, Any

import typer
from rich.markup import escape

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
    as_json: AsJson = False,
) -> None:
    """Show where a model version came from: data version, commit, study, gate."""
    quiet()
    from driftune import lineage as data
    from driftune.loop.proof import champion_or_refuse

    project, settings = open_problem(problem)
    registry = project.registry(settings.name)
    chosen = version or champion_or_refuse(registry)
    tags = {k: v for k, v in sorted(registry.tags(chosen).items()) if k.startswith("driftune.")}
    record: dict[str, Any] = {
        "problem": settings.name,
        "version": chosen,
        "run": registry.run_id(chosen),
        **tags,
    }
    if restore:
        folder = data.restore(project.root, settings.name, tags["driftune.data_version"])
        record["restored"] = str(folder)

    def text() -> None:
        for key, value in record.items():
            out.print(f"{key.removeprefix('driftune.'):<18} {escape(_readable(key, value))}")

    show(record, as_json=as_json, text=text)


def _readable(key: str, value: Any) -> str:
    """Say in words what a tag holds as JSON."""
    if key == "driftune.gate":
        return str(json.loads(value)["reason"])
    if key == "driftune.reference":
        return "{value:.4g} ({low:.4g} to {high:.4g})".format(**json.loads(value))
    return str(value)


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
