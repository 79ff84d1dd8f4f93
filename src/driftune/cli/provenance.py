"""Commands about where things came from: lineage, report."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.origin import describe_origin
from driftune.cli.output import AsJson, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.errors import DriftuneError

if TYPE_CHECKING:
    from driftune.project import Project
    from driftune.settings import Settings


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
    decision: Annotated[
        str | None, typer.Option("--decision", help="Name of a batch: the page of its decision.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the HTML report: what happened, what was decided and why, and the proof.

    Each decision that matters gets a page of its own beside the report, once.
    """
    quiet()
    from driftune.reporting import write_decision, write_report

    project, settings = open_problem(problem)
    _refuse_nothing(project, settings)
    if decision is None:
        path = write_report(project, settings)
        record: dict[str, Any] = {"report": str(path)}
    else:
        pages = write_decision(project, settings, decision)
        path = pages[-1]
        record = {"report": str(path), "pages": [str(page) for page in pages]}
    paths = record.get("pages", [str(path)])
    show(record, as_json=as_json, text=lambda: out.print(escape("\n".join(paths))))
    if open_:
        webbrowser.open(path.as_uri())


def _refuse_nothing(project: Project, settings: Settings) -> None:
    """Refuse to report on a problem that the ledger knows nothing of; MLflow may be away."""
    ledger, name = project.ledger, settings.name
    if not (ledger.observations(name) or ledger.promotions(name) or ledger.retunes(name)):
        raise DriftuneError(
            f"There is nothing to report yet about {name!r}: no champion, no watched batch;"
            f" `driftune retune {name}` makes a model."
        )
