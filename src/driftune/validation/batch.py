"""One batch through all checks: what is accepted, what is put aside and why, what is reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.validation.built_in import Context, check_built_in
from driftune.validation.expectations import check_expectations
from driftune.validation.finding import Finding
from driftune.validation.row_ids import row_ids
from driftune.validation.schema import check_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from driftune.settings import Expectation, Settings
    from driftune.validation.profile import Profile

ROW, ROW_ID, REASONS, RUN = "_row", "_row_id", "_reasons", "_run"
QUARANTINE_COLUMNS = (ROW, ROW_ID, REASONS, RUN)


@dataclass(frozen=True)
class Checked:
    """A batch that was checked.

    Attributes:
        batch: Its name.
        rows: The rows that may be used; meaningless when the batch is refused.
        quarantined: The bad rows, ``None`` when there is none, with four further columns: number
            in the file (``_row``), stable id (``_row_id``), failed checks (``_reasons``) and the
            run that found them (``_run``).
        report: What is kept of it; JSON-able.
    """

    batch: str
    rows: DataFrame
    quarantined: DataFrame | None
    report: dict[str, Any]

    @property
    def refusal(self) -> str | None:
        """Why the batch as a whole cannot be used, or ``None``."""
        told = self.report["refusal"]
        return None if told is None else str(told)


def check_batch(  # noqa: PLR0913 - what a batch is judged by
    batch: str,
    rows: DataFrame,
    kinds: Mapping[str, str],
    settings: Settings,
    *,
    run: str,
    reference: Profile | None = None,
    as_of: datetime | None = None,
    earlier_sizes: Sequence[int] = (),
    found: Sequence[Finding] = (),
    ids: NDArray[np.str_] | None = None,
) -> Checked:
    """Check a table.

    Args:
        batch: Its name.
        rows: The raw rows, numbered from 0.
        kinds: Column -> kind, as the file declares it.
        settings: The problem; its section ``validation`` says what is checked.
        run: Retune or watch that asks, for the quarantine.
        reference: The initial rows; ``None`` when ``rows`` are these.
        as_of: When the batch was first seen (UTC); default: now.
        earlier_sizes: Rows of the batches before it.
        found: What reading the file has found already.
        ids: Stable ids of the rows; default: of the rows as they are.

    Raises:
        UsageError: An expectation cannot be run.
    """
    as_of = as_of or datetime.now(UTC)
    findings = [*found, *check_schema(kinds, settings, reference.kinds if reference else None)]
    learned: list[Finding] = []
    if not len(rows):
        findings.append(Finding("row_count", "there are no rows"))
    if not any(f.refuses for f in findings):  # what follows needs the columns to be there
        context = Context(rows, dict(kinds), settings, reference, as_of, earlier_sizes)
        findings += check_expectations(rows, _applicable(settings, kinds))
        learned = check_built_in(context)
    bad = _reasons([*findings, *learned])
    refusal = (
        next((f.sentence for f in findings if f.refuses), None)
        or _too_many(findings + learned, len(bad), len(rows), settings)
        or next((f.sentence for f in learned if f.refuses), None)
    )
    findings += learned
    report = _report(batch, findings, refusal, len(rows), bad)
    return Checked(
        batch,
        _accepted(rows, bad, settings),
        _quarantined(rows, bad, settings, run, ids),
        {**report, "run": run, "as_of": as_of.isoformat()},
    )


def _accepted(rows: DataFrame, bad: Series[str], settings: Settings) -> DataFrame:
    """Return the good rows; labels that have no column yet get an empty one."""
    if len(bad):  # no copy where none is needed; a gap in the numbers would become a column
        good = rows.drop(index=bad.index).reset_index(drop=True)
    else:
        good = rows
    if settings.target in good:
        return good
    return good.assign(**{settings.target: np.nan if settings.task == "regression" else None})


def _quarantined(
    rows: DataFrame, bad: Series[str], settings: Settings, run: str, ids: NDArray[np.str_] | None
) -> DataFrame | None:
    if not len(bad):
        return None
    numbers = bad.index.to_numpy()
    aside = rows.loc[numbers].copy()
    aside[ROW], aside[REASONS], aside[RUN] = numbers, bad, run
    aside[ROW_ID] = row_ids(rows, settings, numbers) if ids is None else ids[numbers]
    return aside.reset_index(drop=True)


def refused(batch: str, why: str, *, run: str) -> Checked:
    """Return a batch whose file cannot even be read."""
    findings = [Finding("readable", why)]
    report = _report(batch, findings, why, 0, pd.Series(dtype=str))
    report |= {"run": run, "as_of": datetime.now(UTC).isoformat()}
    return Checked(batch, pd.DataFrame(), None, report)


def _applicable(settings: Settings, kinds: Mapping[str, str]) -> tuple[Expectation, ...]:
    """Leave out checks of labels when there is no column of them; existence can be asked for."""
    return tuple(
        e
        for e in settings.validation.expectations
        if e.column != settings.target or e.column in kinds or e.type == "expect_column_to_exist"
    )


def _reasons(findings: list[Finding]) -> Series[str]:
    """Collect, for each bad row, the checks that it failed; by row number, in order."""
    reasons: dict[int, list[str]] = {}
    for finding in findings:
        if finding.quarantines:
            for row in finding.bad_rows.tolist():
                reasons.setdefault(row, []).append(f"{finding.check}({finding.column or 'row'})")
    return pd.Series({row: "; ".join(why) for row, why in sorted(reasons.items())}, dtype=str)


def _too_many(findings: list[Finding], n_bad: int, n_rows: int, settings: Settings) -> str | None:
    """Say that more rows are bad than may be put aside, or return ``None``."""
    share, limit = n_bad / max(n_rows, 1), settings.validation.max_quarantine_share
    if share <= limit:
        return None
    worst = max((f for f in findings if f.quarantines), key=lambda f: len(f.bad_rows))
    named = worst.sentence.startswith(worst.check)
    told = worst.sentence if named else f"{worst.sentence} ({worst.check})"
    return (
        f"{share:.1%} of its rows are bad, more than validation.max_quarantine_share ="
        f" {limit:.1%}; most of them: {told}"
    )


def _report(
    batch: str, findings: list[Finding], refusal: str | None, n_rows: int, bad: Series[str]
) -> dict[str, Any]:
    return {
        "batch": batch,
        "success": refusal is None,
        "refusal": refusal,
        "rows": n_rows,
        "quarantined": len(bad),
        "reasons": {str(why): int(n) for why, n in bad.value_counts().items()},
        "warnings": [f.sentence for f in findings if f.warned],
        "results": [f.to_dict() for f in findings],
    }
