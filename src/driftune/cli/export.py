"""The command export: a registered model as a file for a device."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.errors import DriftuneError, UsageError, close_match

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.export import Exported
    from driftune.project import Project
    from driftune.settings import Settings

FORMATS = ("onnx", "lightgbm-text")


def export(
    problem: ProblemName,
    out_file: Annotated[Path, typer.Option("--out", help="File to write.")],
    version: Annotated[
        int | None, typer.Argument(help="Which version; default: the champion.")
    ] = None,
    to: Annotated[
        str,
        typer.Option(help="onnx (takes the raw columns) or lightgbm-text (with a card beside it)."),
    ] = "onnx",
    as_json: AsJson = False,
) -> None:
    """Write a model for a device, and prove that it predicts what the original predicts.

    A file that differs by more than 1e-5 is not left behind.
    """
    quiet()
    _refuse_what_cannot_be(to, out_file)
    from driftune.export import export_model
    from driftune.loop.proof import champion_or_refuse

    project, settings = open_problem(problem)
    registry = project.registry(settings.name)
    chosen = version or champion_or_refuse(registry)
    registry.tags(chosen)  # refuses a version that does not exist
    written = export_model(
        registry.load(chosen), _rows(project, settings), settings.task, to=to, path=out_file
    )
    record = _record(written, settings, chosen)
    show(record, as_json=as_json, text=lambda: _print(written, record))


def _refuse_what_cannot_be(to: str, file: Path) -> None:
    """Refuse before the registry is asked, which takes seconds."""
    if to not in FORMATS:
        raise UsageError(f"--to {to!r} is no format.{close_match(to, FORMATS)}")
    if file.is_dir():
        raise UsageError(f"--out {file} is a folder; name a file in it.")
    if not file.resolve().parent.is_dir():
        raise UsageError(f"--out {file}: there is no folder {file.resolve().parent}.")


def _rows(project: Project, settings: Settings) -> DataFrame:
    """Rows that the latest search never saw: the ones that the gate judges on."""
    try:
        rows: DataFrame = project.load_dataset("promotion_rows", problem=settings.name)
    except (DriftuneError, OSError) as error:
        raise DriftuneError(
            f"There are no promotion rows of {settings.name!r} to prove the agreement on"
            f" ({error}); `driftune retune {settings.name}` makes them."
        ) from error
    return rows


def _record(written: Exported, settings: Settings, version: int) -> dict[str, Any]:
    agreement = written.agreement
    limit = settings.tuning.constraints.get("model_size_kb")
    return {
        "problem": settings.name,
        "version": version,
        "format": written.format,
        "files": [str(file) for file in written.files],
        "file_kb": round(written.file_kb, 3),
        "latency_us_per_row": round(written.latency_us, 3),
        "precision": written.precision,
        "rows": agreement.rows,
        "largest_difference": agreement.largest,
        "scale": agreement.scale,
        "tolerance": agreement.tolerance,
        "inputs": written.card.names,
        "over_model_size_kb": None if limit is None else written.file_kb > limit,
    }


def _print(written: Exported, record: dict[str, Any]) -> None:
    files = " and ".join(record["files"])
    out.print(
        escape(
            f"{record['problem']} version {record['version']} as {record['format']}: {files},"
            f" {written.file_kb:,.0f} kB, {written.latency_us:.3g} µs per row on one thread here."
        )
    )
    out.print(escape(f"Proven in {written.precision}: {written.agreement}."))
    if record["over_model_size_kb"]:
        out.print(
            "[yellow]The file is larger than tuning.constraints.model_size_kb, which is meant for"
            " the model as it is stored (LightGBM's text).[/]"
        )
