"""Commands about the checks of the data: expect, quarantine, requeue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, counted, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.errors import UsageError

if TYPE_CHECKING:
    from driftune.validation.requeue import Requeued

BatchName = Annotated[str, typer.Argument(help="Name of the batch.")]
Save = Annotated[Path | None, typer.Option("--save", help="Write to this file, a new one.")]


def expect(
    problem: ProblemName,
    table: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file; default: the initial rows.")
    ] = None,
    save: Save = None,
    as_json: AsJson = False,
) -> None:
    """Draft the section `validation` of a problem from rows that are known to be good.

    Prints YAML to edit: types, missing shares, ranges, sets, uniqueness. Nothing is changed.
    """
    quiet()
    _refuse_existing(save)
    from driftune.tuning import read_table
    from driftune.validation.draft import draft, profile_frame, write_section

    project, settings = open_problem(problem)
    if table is None:
        profile = project.load_dataset("reference", problem=settings.name)()
    else:
        profile = profile_frame(read_table(table), settings)
    section = draft(profile, settings)
    text = write_section(section, rows=profile.rows, source=str((table or settings.rows).name))
    if save:
        save.write_text(text, encoding="utf-8")
    show(
        {"validation": section, "saved": str(save) if save else None},
        as_json=as_json,
        text=lambda: out.print(escape(f"Wrote {save}." if save else text.rstrip())),
    )


def quarantine(
    problem: ProblemName,
    batch: Annotated[str | None, typer.Argument(help="Name of the batch; all by default.")] = None,
    save: Save = None,
    as_json: AsJson = False,
) -> None:
    """Show which rows were put aside and why; `--save rows.csv` writes them to be repaired."""
    quiet()
    _refuse_existing(save)
    if save and batch is None:
        raise UsageError("--save needs the name of one batch.")
    import pandas as pd

    from driftune.validation.requeue import quarantine_file

    project, settings = open_problem(problem)
    folder = project.root / "data" / "02_intermediate" / settings.name / "quarantined"
    if batch is not None:
        files = [quarantine_file(project, settings, batch)]
    else:
        files = sorted(folder.glob("*.parquet"))
    found: list[dict[str, Any]] = []
    for file in files:
        rows = pd.read_parquet(file)
        reasons = {str(k): int(v) for k, v in rows["_reasons"].value_counts().items()}
        found.append({"batch": file.stem, "rows": len(rows), "reasons": reasons})
        if save and save.suffix == ".csv":
            rows.to_csv(save, index=False)
        elif save:
            rows.to_parquet(save, index=False)
    show(found, as_json=as_json, text=lambda: _print_quarantine(found, settings.name, save))


def requeue(
    problem: ProblemName,
    batch: BatchName,
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV or Parquet file of repaired rows; default: the quarantine's own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check repaired rows again and take the good ones back into their batch, each once.

    The next `driftune watch` decides about the batch again.
    """
    quiet()
    from dataclasses import asdict

    from driftune.validation.requeue import requeue as take_back

    project, settings = open_problem(problem)
    done = take_back(project, settings, batch, file)
    show(asdict(done), as_json=as_json, text=lambda: _print_requeued(done, settings.name))
    if done.still_bad or done.refusal:
        raise typer.Exit(1)


def _print_quarantine(found: list[dict[str, Any]], problem: str, save: Path | None) -> None:
    for batch in found:
        out.print(escape(f"{batch['batch']}: {counted(batch['rows'], 'row')} put aside"))
        for why, rows in batch["reasons"].items():
            out.print(escape(f"  {rows:>7,}  {why}"))
    if not found:
        out.print(f"{problem}: no row is in quarantine.")
    elif save:
        name = found[0]["batch"]
        told = f"Wrote {save}; repair it, then: driftune requeue {problem} {name} {save}"
        out.print(escape(told))


def _print_requeued(done: Requeued, problem: str) -> None:
    out.print(f"{done.batch}: {done.accepted:,} of {counted(done.asked, 'row')} taken back.")
    for row, why in done.still_bad.items():
        out.print(escape(f"  {row} still fails {why}"))
    if done.refusal:
        out.print(escape(done.refusal))
    if done.changed:
        out.print(f"`driftune watch {problem}` decides about the batch again.")


def _refuse_existing(file: Path | None) -> None:
    """Never overwrite what somebody may have edited."""
    if file is not None and file.exists():
        raise UsageError(f"--save {file}: there is such a file; name a new one.")
    if file is not None and not file.resolve().parent.is_dir():
        raise UsageError(f"--save {file}: there is no folder {file.resolve().parent}.")
