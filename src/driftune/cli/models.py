"""Commands about registered models: promote, approve, reject, rollback."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, counted, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.cli.wording import retune_record
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


def approve(
    problem: ProblemName,
    by: Annotated[str, typer.Option(help="Who approves, for the record.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: AsJson = False,
) -> None:
    """Promote the challenger that passed the gate and waits (gate.mode: approval).

    Nothing is trained or judged again.
    """
    quiet()
    from driftune import loop

    project, settings = open_problem(problem)
    row = loop.approve(project, settings, by, reason)
    show(
        retune_record(row),
        as_json=as_json,
        text=lambda: out.print(
            f"{settings.name} version {row.details['version']}: champion, approved by {escape(by)}."
        ),
    )


def reject(
    problem: ProblemName,
    by: Annotated[str, typer.Option(help="Who rejects, for the record.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    as_json: AsJson = False,
) -> None:
    """Refuse the challenger that waits for approval or runs in shadow; the champion stays."""
    quiet()
    from driftune import loop

    project, settings = open_problem(problem)
    row = loop.reject(project, settings, by, reason)
    show(
        retune_record(row),
        as_json=as_json,
        text=lambda: out.print(
            f"{settings.name} version {row.details['version']}: rejected by {escape(by)}."
        ),
    )


def rollback(
    problem: ProblemName,
    to: Annotated[
        int | None, typer.Option(help="An earlier champion; default: the previous one.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    by: Annotated[
        str | None, typer.Option(help="Who, for the record; default: the user of this machine.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the previous champion, or an earlier one, the champion again.

    Automatic retunes pause for the policy's cooldown; what passes the gate waits for approval.
    """
    quiet()
    from driftune.loop.rollback import roll_back

    project, settings = open_problem(problem)
    champion, taken_back = roll_back(project, settings, reason, to=to, by=by or _user())
    pause = settings.policy.cooldown
    show(
        {
            "problem": settings.name,
            "champion": champion,
            "taken_back": taken_back,
            "pause_batches": pause,
        },
        as_json=as_json,
        text=lambda: out.print(
            f"{settings.name}: version {champion} serves again; version {taken_back} is previous."
            f" Automatic retunes pause for {counted(pause, 'batch')} (policy.cooldown)."
        ),
    )


def _user() -> str | None:
    """Return who is logged in; None in a container that knows no name for its user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
