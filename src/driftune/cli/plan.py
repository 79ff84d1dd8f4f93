"""``driftune plan``: how to spend a budget of time on a problem's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from driftune.cli.output import AsJson, err, out, quiet, show
from driftune.cli.problems import TunableName  # noqa: TC001 - Typer reads it at run time
from driftune.cli.stages import stages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from driftune.loop.planning import Plan
    from driftune.scaling import Advice


def plan(  # noqa: PLR0913, PLR0917 - one argument per option
    problem: TunableName,
    budget: Annotated[
        str, typer.Option("--budget", help="Wall time to plan for, pilots included, e.g. 10m.")
    ],
    rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Labelled rows that may be used; with more than there are, whether to get them.",
            show_default="those that there are",
        ),
    ] = None,
    row_cost: Annotated[
        float, typer.Option(min=0, help="Price of one further labelled row, in any currency.")
    ] = 0.0,
    value_per_unit_loss: Annotated[
        float | None,
        typer.Option(
            min=0, help="What one unit of loss less is worth, in the same currency.",
            show_default=False,
        ),
    ] = None,
    min_gain: Annotated[
        float, typer.Option(min=0, help="Least relative gain worth having, e.g. 0.01.")
    ] = 0.0,
    pilots: Annotated[
        str | None,
        typer.Option(help="Wall time for the pilots.", show_default="15 % of the budget"),
    ] = None,
    selection: Annotated[
        str,
        typer.Option(
            help="With fewer --rows than there are: k_center tries rows that cover the table, for"
            " as long as the pilots take."
        ),
    ] = "random",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say how to spend a budget of time on a table: rows, trials, rungs; is more worth it?

    Fits pilots on a few thousand rows of the problem's own folds, draws the learning curve and the
    cost of a trial, and prints what to do, what to expect of it and how sure that is, with the
    command that does it. Nothing is searched, registered or changed.
    """
    quiet()
    from driftune.loop.planning import make_plan, read_terms
    from driftune.reporting.plan import write_plan

    terms = read_terms(
        budget,
        pilots=pilots,
        rows=rows,
        row_cost=row_cost,
        value_per_unit_loss=value_per_unit_loss,
        min_gain=min_gain,
        selection=selection,
    )
    with stages(err if as_json else out) as on_stage:
        made = make_plan(problem, terms, on_stage=on_stage)
        on_stage("drawing", 0, 0)
        pictures = write_plan(made)
    command = command_of(problem, made.advice)
    show(
        {**made.to_dict(), "command": command, "pictures": [str(file) for file in pictures]},
        as_json=as_json,
        text=lambda: _print(made, command, pictures),
    )


def command_of(problem: str, advice: Advice) -> str:
    """The command that carries out the advice."""
    limits = advice.budget["budget"]
    options = {
        "--max-seconds": f"{limits['max_seconds']:.0f}s",
        "--max-trials": str(limits["max_trials"]),
        **({"--max-rows": str(limits["max_rows"])} if "max_rows" in limits else {}),
        **({"--row-selection": limits["row_selection"]} if "row_selection" in limits else {}),
        **({"--rungs": ",".join(map(str, advice.parts))} if len(advice.parts) > 1 else {}),
    }
    return " ".join(["driftune tune", problem, *(f"{k} {v}" for k, v in options.items())])


def _print(made: Plan, command: str, pictures: Iterable[Path]) -> None:
    advice = made.advice
    out.print(_table(made))
    if made.metric.greater_is_better:
        out.print(f"Below, losses are 1 - {made.metric.name}.", style="dim")
    for reason in advice.reasons:
        out.print(f"- {escape(reason)}")
    out.print(f"Do it:  [bold]{escape(command)}[/]")
    for file in pictures:
        out.print(escape(str(file)), style="dim")


def _table(made: Plan) -> Table:
    title = (
        f"{made.problem}: {made.terms.seconds:,.0f} s, of which the pilots took"
        f" {made.advice.spent_seconds:,.0f} s"
    )
    shown = Table(
        title=escape(title), title_justify="left", show_header=False, box=None, padding=(0, 1, 0, 0)
    )
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column()
    for name, value in _lines(made):
        shown.add_row(name, escape(value))
    return shown


def _lines(made: Plan) -> list[tuple[str, str]]:
    advice, score = made.advice, made.to_dict()["expected_score"]
    rungs = " → ".join(f"{rung.configs} on {rung.rows:,} rows" for rung in advice.rungs)
    leaves = "" if advice.leaves is None else f"{advice.leaves[0]} to {advice.leaves[1]}"
    more, choice = advice.more_rows, advice.selection
    lines = [
        ("rows", f"{advice.rows:,} of {made.table_rows:,}"),
        ("trials", f"about {advice.trials}"),
        ("of a fold", rungs),
        ("leaves to try", leaves),
        ("boosting rounds", "" if advice.rounds is None else f"up to {advice.rounds:,}"),
        ("search", f"{advice.search_seconds:,.0f} s, then {advice.reserve_seconds:,.0f} s for the"
                   " final model"),
        (f"expected {made.metric.name}",
         f"{score['value']:.4g} ({score['low']:.4g} to {score['high']:.4g}), validation"),
        ("confidence", advice.confidence),
        ("more time", "worth it" if advice.more_compute.worth else "not worth it"),
        ("more rows", "" if more is None else "worth it" if more.worth else "not worth it"),
        ("row selection", "" if choice is None else choice.method if choice.worth else "as usual"),
    ]  # fmt: skip
    return [(name, value) for name, value in lines if value]
