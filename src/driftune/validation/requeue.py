"""Repaired rows go back to the checks, and those that pass go back into their batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from driftune.errors import DataError, ValidationFailed
from driftune.validation.batch import ROW_ID
from driftune.validation.repairs import merge_repairs, read_edited, read_repairs, write_repairs
from driftune.validation.versions import batch_version, repairs_file

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from driftune.project import Project
    from driftune.settings import Settings


@dataclass(frozen=True)
class Requeued:
    """What became of the rows.

    Attributes:
        batch: Whose rows they are.
        asked: How many were given.
        accepted: How many are now in the batch.
        still_bad: Row id -> failed checks of the others.
        refusal: Why the batch as a whole is refused still, or ``None``.
        changed: Whether the batch is another version now, which the next watch decides about.
    """

    batch: str
    asked: int
    accepted: int
    still_bad: dict[str, str]
    refusal: str | None
    changed: bool


def quarantine_file(project: Project, settings: Settings, batch: str) -> Path:
    """Return where the bad rows of a batch lie.

    Raises:
        DataError: It has none.
    """
    folder = project.root / "data" / "02_intermediate" / settings.name / "quarantined"
    path = folder / f"{batch}.parquet"
    if not path.exists():
        others = ", ".join(sorted(p.stem for p in folder.glob("*.parquet"))) or "no batch"
        raise DataError(f"Batch {batch!r} has no quarantined rows; {others} has.")
    return path


def requeue(project: Project, settings: Settings, batch: str, file: Path | None = None) -> Requeued:
    """Check repaired rows again and merge the good ones into their batch, each exactly once.

    Args:
        project: Where the batch lies.
        settings: Its problem.
        batch: Name of the batch.
        file: CSV or Parquet with the repaired rows and their ``_row_id``; default: the quarantine
            file itself, edited or not (then after a change of ``validation``).

    Raises:
        DataError: The file cannot be used, or names rows that are not in the quarantine.
    """
    place = repairs_file(project.root, settings.name, batch)
    before, earlier = batch_version(project.root, settings, batch), read_repairs(place)
    rows = _edited_rows(project, settings, batch, file, earlier)
    write_repairs(place, merge_repairs(earlier, rows))
    refusal = _check(project, settings, batch)
    still_bad = _bad_now(project, settings, batch, rows)
    kept = rows[~rows[ROW_ID].isin(still_bad)]
    # Rows that are still bad stay in the quarantine, as repaired so far; the overlay holds none.
    write_repairs(place, merge_repairs(_without(earlier, still_bad), kept))
    return Requeued(
        batch=batch,
        asked=len(rows),
        accepted=0 if refusal else len(kept),
        still_bad=still_bad,
        refusal=refusal,
        changed=batch_version(project.root, settings, batch) != before,
    )


def _edited_rows(
    project: Project, settings: Settings, batch: str, file: Path | None, earlier: DataFrame | None
) -> DataFrame:
    """Read the rows, of which each is in the quarantine or was requeued before."""
    try:
        source = quarantine_file(project, settings, batch)
    except DataError:
        if earlier is None or file is None:
            raise
        like = earlier  # all of them were accepted; the same file again is fine
    else:
        like = pd.read_parquet(source)
        file = file or source
    rows = read_edited(file, like)
    known = {*like[ROW_ID], *(earlier[ROW_ID] if earlier is not None else [])}
    unknown = [name for name in rows[ROW_ID] if name not in known]
    if unknown:
        raise DataError(
            f"{len(unknown):,} rows of {file} are not in the quarantine of {batch!r}, e.g."
            f" _row_id {unknown[0]!r}."
        )
    return rows


def _without(repaired: DataFrame | None, ids: dict[str, str]) -> DataFrame | None:
    return None if repaired is None else repaired[~repaired[ROW_ID].isin(ids)]


def _check(project: Project, settings: Settings, batch: str) -> str | None:
    """Run the pipeline on the batch; returns why it is refused, or ``None``."""
    try:
        project.run_pipelines("data_validation", problem=settings.name, batches=[batch])
    except ValidationFailed as refusal:
        return str(refusal)
    return None


def _bad_now(project: Project, settings: Settings, batch: str, rows: DataFrame) -> dict[str, str]:
    try:
        bad = pd.read_parquet(quarantine_file(project, settings, batch))
    except DataError:
        return {}
    bad = bad[bad[ROW_ID].isin(rows[ROW_ID])]
    return dict(zip(bad[ROW_ID], bad["_reasons"], strict=True))
