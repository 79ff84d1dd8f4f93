"""What a drift monitor found in one batch; ``dataclasses.asdict`` gives plain JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ColumnDrift:
    """Drift of one column.

    Args:
        column: Its name; ``prediction`` is the champion's.
        kind: numeric or categorical.
        psi: Population stability index of the batch against the reference, missing and unseen
            values being bins of their own.
        threshold: What ``psi`` must exceed: the effect asked for, or what this column does anyway
            (at the first step of Holm's correction; later steps ask for a little less).
        alarm: Whether ``psi`` or ``wasserstein`` is both large and significant.
        missing: Share of missing values in the batch.
        missing_reference: In the reference.
        unseen: Share of levels, or of numbers out of range, that the reference never had.
        jensen_shannon: Distance, 0 to 1.
        wasserstein: Distance of numbers in standard deviations of the reference, at least that of
            the means; None for levels.
        wasserstein_threshold: As ``threshold``.
        ks: Greatest distance of the distribution functions, to 0.01; None for levels.
        ks_p: Its p-value if rows were independent. No alarm rests on it.
        chi_square: Pearson's statistic over the bins of ``psi``.
        chi_square_p: Its p-value if rows were independent. No alarm rests on it.
        p_value: Chance of such a distance in any column of a clean batch, calibrated and corrected.
    """

    column: str
    kind: str
    psi: float
    threshold: float
    alarm: bool
    missing: float
    missing_reference: float
    unseen: float
    jensen_shannon: float
    wasserstein: float | None
    wasserstein_threshold: float | None
    ks: float | None
    ks_p: float | None
    chi_square: float
    chi_square_p: float
    p_value: float


@dataclass(frozen=True)
class JointDrift:
    """What a classifier that tells the batch from the reference can do on rows it did not learn.

    Args:
        auc: Area under its ROC curve; 0.5: it cannot tell them apart.
        threshold: What ``auc`` must exceed, as for a column.
        alarm: Whether it is both large and significant.
        p_value: Calibrated and corrected, as for a column.
        columns: The most telling columns with their share of the classifier's gain, largest first.
        left_out: Columns that wander by themselves more than the effect asked for, also within a
            batch, and those of one value: the classifier does not see them.
        rows: Rows of the batch that were shown.
    """

    auc: float
    threshold: float
    alarm: bool
    p_value: float
    columns: tuple[tuple[str, float], ...]
    left_out: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class DriftReport:
    """Drift of one batch.

    Args:
        batch: Name of the batch.
        rows: Rows in it.
        status: insufficient_data: below ``min_rows``, nothing was judged.
        drifted: The overall alarm: a column's, or the joint one.
        alarms: The columns that drifted.
        reason: One sentence with the numbers.
        columns: One entry per column, in the order of the reference; empty without enough data.
        joint: Of all columns together; None where it is switched off, or no column stands still.
    """

    batch: str
    rows: int
    status: Literal["ok", "insufficient_data"]
    drifted: bool = False
    alarms: tuple[str, ...] = ()
    reason: str = ""
    columns: tuple[ColumnDrift, ...] = ()
    joint: JointDrift | None = None

    @property
    def table(self) -> pd.DataFrame:
        """One line per column, alarms first, then the largest PSI relative to its threshold."""
        import pandas as pd

        order = sorted(self.columns, key=lambda c: (not c.alarm, -c.psi / c.threshold))
        fields = list(ColumnDrift.__dataclass_fields__)
        return pd.DataFrame([vars(column) for column in order], columns=fields)


def explain(columns: tuple[ColumnDrift, ...], joint: JointDrift | None, significance: float) -> str:
    """Return the reason for the overall alarm, or for none, in one sentence."""
    said = [_explain_column(column) for column in columns if column.alarm]
    if joint and joint.alarm:
        telling = ", ".join(name for name, _ in joint.columns)
        said.append(
            f"the columns together (AUC {joint.auc:.3f} against {joint.threshold:.3f} at most,"
            f" told by {telling})"
        )
    if said:
        return f"Drift in {'; '.join(said)}."
    return (
        f"No drift: none of {len(columns)} columns left what it does anyway by the effect asked for"
        f" (chance of a false alarm {significance:g} per batch)."
    )


def _explain_column(column: ColumnDrift) -> str:
    if column.psi > column.threshold or column.wasserstein is None:
        return f"{column.column} (PSI {column.psi:.3g} against {column.threshold:.3g} at most)"
    return (
        f"{column.column} (Wasserstein {column.wasserstein:.3g} standard deviations against"
        f" {column.wasserstein_threshold:.3g} at most)"
    )
