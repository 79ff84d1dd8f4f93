"""The rows that a run, or a decision, is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.errors import DataError
from driftune.lineage.snapshots import listed, snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftune.project import Project
    from driftune.settings import Settings

LOOKUPS = "lookups"
SNAPSHOT = "snapshot"  # key of an observation's details


def accepted_file(project: Project, problem: str, batch: str) -> Path:
    """Return where validation keeps the accepted rows of a batch."""
    return project.root / "data" / "02_intermediate" / problem / "accepted" / f"{batch}.parquet"


def snapshot_batches(
    project: Project,
    settings: Settings,
    batches: Sequence[str],
    *,
    base: str | None = None,
    changed: Sequence[str] = (),
) -> str:
    """Put the accepted rows of ``batches`` under DVC, with the lookups that their features need.

    In the snapshot: ``BATCH.parquet`` for each batch, ``lookups/FILE`` for each table that the
    problem's joins name. That is all that features are made of.

    Args:
        project: Whose accepted rows.
        settings: The problem.
        batches: All of them, the initial rows too.
        base: An earlier data version: batches that are in it are taken from there, not from the
            files, which a retune may be writing right now. So one more batch costs the reading of
            one file.
        changed: Batches that are read although they are in ``base``.

    Returns:
        The data version.

    Raises:
        DataError: A file is not there, or two lookups have the same name.
        ServiceUnavailable: DVC cannot store the files.
    """
    files = {f"{batch}.parquet": accepted_file(project, settings.name, batch) for batch in batches}
    for table in dict.fromkeys(join.table for join in settings.features.joins):
        name = f"{LOOKUPS}/{table.name}"
        if name in files:
            raise DataError(
                f"Two tables of `features.joins` are called {table.name!r} ({files[name]} and"
                f" {table}); a data version keeps them by that name: rename one."
            )
        files[name] = table
    known = listed(project.root, base) if base else {}
    read_again = {f"{batch}.parquet" for batch in changed}
    known = {
        name: digest
        for name, digest in known.items()
        if name not in read_again and not name.startswith(f"{LOOKUPS}/")
    }
    for name, file in files.items():
        if name not in known and not file.is_file():
            raise DataError(
                f"There is no file {file}, which the data version of {settings.name!r} needs"
                f" ({name}); `kedro run --pipelines=data_validation` makes accepted rows."
            )
    return snapshot(project.root, settings.name, files, known=known)


def snapshot_decision(project: Project, settings: Settings, batch: str) -> str:
    """Put under DVC what a decision about ``batch`` rests on; call it when the rows are accepted.

    That is the initial rows and the accepted batches, this one included. Only this one (and a
    lookup that has changed) is read: the rest is taken from the snapshot of the last decision,
    which the watcher keeps in the observation's ``details`` under ``snapshot``.

    Returns:
        The data version.
    """
    seen = project.ledger.latest_observations(settings.name)
    versions = [row.details[SNAPSHOT] for row in seen if row.details.get(SNAPSHOT)]
    accepted = project.ledger.accepted_batches(settings.name)
    names = dict.fromkeys([settings.rows.stem, *accepted, batch])
    return snapshot_batches(
        project, settings, list(names), base=versions[-1] if versions else None, changed=[batch]
    )
