"""Check raw rows; put bad rows aside; stop on what is critical."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pandas import DataFrame

from driftune.errors import DataError, close_match
from driftune.settings import Settings
from driftune.validation.batch import Checked, check_batch, refused
from driftune.validation.profile import Profile
from driftune.validation.repairs import apply_repairs
from driftune.validation.reports import write_page
from driftune.validation.row_ids import row_ids
from pipelines.data_validation.late_labels import add_late_labels, keep_late_labels
from pipelines.data_validation.reading import read_batch
from pipelines.raw_files import RawFile

EARLIER_BATCHES = 8
Files = dict[str, Any]


def check_batches(
    raw_batches: dict[str, RawFile],
    batch_names: list[str],
    reference: Callable[[], Profile],
    repairs: Callable[[str], DataFrame | None],
    earlier_reports: Callable[[str], dict[str, Any] | None],
    settings: Settings,
    retune_id: str | None,
) -> Iterator[tuple[Files, Files, Files, Files]]:
    """Check one batch after another, so that one at a time is in memory.

    Yields:
        By batch: the bad rows (``None`` without one), the report, the report as a page, and what
        the gate of the catalog accepts or refuses; Kedro saves them in this order.

    Raises:
        DataError: A batch that was asked for has not arrived.
    """
    for name in batch_names:
        if name not in raw_batches:
            raise DataError(f"There is no batch {name!r}.{close_match(name, raw_batches)}")
    for name in batch_names:
        initial = name == settings.rows.stem
        checked = _check(
            name,
            raw_batches[name],
            settings,
            run=retune_id or f"watch-{name}",
            reference=None if initial else reference(),
            as_of=_first_seen(raw_batches[name], earlier_reports(name)),
            earlier_sizes=[] if initial else _sizes(name, list(raw_batches), earlier_reports),
            repairs=repairs,
        )
        report = {**checked.report, "version": raw_batches[name].version}
        yield (
            {name: checked.quarantined},
            {name: report},
            {name: write_page(report)},
            {name: checked},
        )


def _check(
    name: str,
    file: RawFile,
    settings: Settings,
    *,
    run: str,
    reference: Profile | None,
    as_of: datetime | None,
    earlier_sizes: list[int],
    repairs: Callable[[str], DataFrame | None],
) -> Checked:
    kinds_wanted = reference.kinds if reference else None
    try:
        repaired = repairs(name)
        rows, kinds, found = read_batch(file, settings, kinds_wanted)
    except DataError as error:
        return refused(name, str(error), run=run)
    rows, kinds = add_late_labels(name, rows, kinds, file, settings)
    ids = None
    if repaired is not None and kinds.keys() >= set(settings.ids):
        ids = row_ids(rows, settings)
        fixed, _ = apply_repairs(rows, ids, repaired)
        rows = keep_late_labels(fixed, rows, settings)
    return check_batch(
        name, rows, kinds, settings, run=run, reference=reference, as_of=as_of,
        earlier_sizes=earlier_sizes, found=found, ids=ids,
    )  # fmt: skip


def _first_seen(file: RawFile, report: dict[str, Any] | None) -> datetime | None:
    """A batch stays as fresh as it was when it arrived, however often a retune reads it.

    That also holds for one whose file was written again with the labels that had been missing.
    """
    if report is None:
        return None
    if report.get("version") != file.version and not report["success"]:
        return None
    return datetime.fromisoformat(report["as_of"])


def _sizes(
    name: str, names: list[str], earlier_reports: Callable[[str], dict[str, Any] | None]
) -> list[int]:
    """Return the rows of the batches just before this one that were accepted."""
    before = names[1 : names.index(name)][-EARLIER_BATCHES:]
    reports = [report for other in before if (report := earlier_reports(other)) is not None]
    return [report["rows"] for report in reports if report["success"]]
