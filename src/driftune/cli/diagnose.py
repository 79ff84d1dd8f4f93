"""``driftune doctor``: is everything in place, and what to do where it is not."""

from __future__ import annotations

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, out, quiet, show

SIGNS = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "bad": "[red]bad [/]"}


def doctor(as_json: AsJson = False) -> None:
    """Check versions, Prefect's server, MLflow, DVC, ledger, language model and telemetry."""
    quiet()
    from dataclasses import asdict

    from rich.console import Console

    from driftune.doctor import CHECKS

    found = []
    console = Console(stderr=True)
    for check in CHECKS:
        with console.status(f"checking {check.__name__.removeprefix('check_')}"):
            found += check()

    def text() -> None:
        for finding in found:
            out.print(f"{SIGNS[finding.state]} {finding.name}: {escape(finding.said)}")
            if finding.remedy:
                out.print(f"     -> {escape(finding.remedy)}")

    show([asdict(finding) for finding in found], as_json=as_json, text=text)
    if any(finding.state == "bad" for finding in found):
        raise typer.Exit(1)
