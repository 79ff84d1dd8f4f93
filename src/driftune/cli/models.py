"""Commands about registered models: promote, rollback."""

from __future__ import annotations

from typing import Annotated

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
