"""All commands, in the order in which a newcomer needs them."""

from __future__ import annotations

from typing import Annotated

import typer

from driftune import __version__
from driftune.cli import checks, demonstrate, diagnose, models, provenance, running
from driftune.cli.backtest import backtest
from driftune.cli.bench import bench
from driftune.cli.export import export
from driftune.cli.plan import plan

app = typer.Typer(
    name="driftune",
    help="Keep a tabular model tuned: watch it, retune it when it drifts, prove, promote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftune {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep a tabular model tuned: watch it, retune it when it drifts, prove, promote."""


COMMANDS = (
    demonstrate.demo,
    checks.expect,
    plan,
    running.tune,
    running.retune,
    running.watch,
    backtest,
    checks.quarantine,
    checks.requeue,
    running.serve,
    models.promote,
    models.approve,
    models.reject,
    models.rollback,
    export,
    provenance.lineage,
    provenance.report,
    diagnose.doctor,
    running.reconcile,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(bench)
