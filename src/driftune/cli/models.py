"""Commands about registered models: promote, rollback, lineage, report."""

from __future__ import annotations

import json
import webbrowser
from typing import Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.errors import DriftuneError


def promote(
    problem: ProblemName,
    version: Annotated[
        int | None, typer.Option(help="Which version; default: the challenger.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Promote although the gate refuses.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a version before the gate, and make it the champion if it passes."""
    quiet()
    from driftune import loop
    from driftune.promotion.registry import CHALLENGER

    project, settings = open_problem(problem)
    chosen = version or project.registry(settings.name).version_of(CHALLENGER)
    if chosen is None:
        raise DriftuneError(f"{settings.name!r} has no challenger; name one with --version.")
    project.registry(settings.name).tags(chosen)
    verdict = loop.judge(project, settings, chosen)
    done = verdict.promoted or force
    if done:
        reason = verdict.reason if verdict.promoted else f"forced although: {verdict.reason}"
        loop.promote(project, settings, chosen, reason)
    state = "champion" if done else "refused"
    show(
        {"problem": settings.name, "version": chosen, "promoted": done, "reason": verdict.reason},
        as_json=as_json,
        text=lambda: out.print(
            f"{settings.name} version {chosen}: {state}. {escape(verdict.reason)}"
        ),
    )
    if not done:
        raise typer.Exit(1)


def rollback(
    problem: ProblemName,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    as_json: AsJson = False,
) -> None:
    """Make the previous champion the champion again."""
    quiet()
    from driftune import loop

    project, settings = open_problem(problem)
    champion, taken_back = loop.roll_back(project, settings, reason)
    show(
        {"problem": settings.name, "champion": champion, "taken_back": taken_back},
        as_json=as_json,
        text=lambda: out.print(
            f"{settings.name}: version {champion} serves again; version {taken_back} is previous."
        ),
    )


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
