"""Which of a batch's distances are drift: large, and rarer than in clean batches of its size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.monitoring.calibration import CELL, Stretches, Wandering, cell_rows, holm
from driftune.monitoring.drift_report import ColumnDrift, DriftReport, JointDrift, explain
from driftune.monitoring.joint import FOLDS, SHOWN, odds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftune.monitoring.joint import DomainClassifier, Telling
    from driftune.monitoring.reference import Measured, ReferenceColumn

_USUAL = 0.05  # a column that wanders beyond the effect more often is not shown to the classifier


@dataclass(frozen=True)
class Ask:
    """What is asked of an alarm; see `DriftMonitor`."""

    significance: float
    effect: float

    @property
    def shift(self) -> float:
        """The shift of a normal mean, in standard deviations, whose PSI is the effect."""
        return float(np.sqrt(self.effect))

    @property
    def auc(self) -> float:
        """Half-way from 0.5 to the AUC at which such a shift can be told, ``Phi(d / sqrt 2)``.

        From a thousand rows of twenty columns a forest learns about half of what there is to tell.
        """
        from scipy.special import ndtr

        return float(0.5 + ndtr(self.shift / np.sqrt(2))) / 2


@dataclass(frozen=True)
class Limits:
    """What clean batches of one size do.

    Args:
        columns: By name, the wandering of PSI and, for numbers, of the Wasserstein distance.
        standing: Columns that keep still even within a batch: the classifier sees these.
        left_out: The others.
        joint: The wandering of the odds of the classifier's AUC.
    """

    columns: Mapping[str, tuple[Wandering, Wandering | None]]
    standing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    joint: Wandering | None = None


def learn_limits(
    columns: Mapping[str, ReferenceColumn],
    classifier: DomainClassifier | None,
    ask: Ask,
    *,
    rows: int,
    size: int,
    block: int | None,
    seed: int,
) -> Limits:
    """Learn the limits of batches of ``size`` rows from a reference of ``rows`` rows."""
    cells = len(next(iter(columns.values())).counts) - 1
    stretches = Stretches.draw(cells, cell_rows(rows), size, block=block, seed=seed)
    found = {name: column.calibrate(stretches) for name, column in columns.items()}
    if classifier is None:
        return Limits(found)
    part = max(CELL, size // FOLDS)
    parts = Stretches.draw(cells, cell_rows(rows), part, block=block, seed=seed)
    drawn = parts.starts.shape[1] * parts.width * cell_rows(rows)
    standing = tuple(
        name
        for name in classifier.bins
        if columns[name].varies and _stands(columns[name], parts, drawn, ask)
    )
    if len(standing) < 2:
        return Limits(found)
    left_out = tuple(name for name in classifier.bins if name not in standing)
    return Limits(found, standing, left_out, classifier.calibrate(size, standing))


def _stands(column: ReferenceColumn, parts: Stretches, rows: int, ask: Ask) -> bool:
    """Return whether a column keeps still in parts of a batch, but for their few rows.

    The classifier learns from some parts and is judged on others: a column that differs between
    them, as the day of the week does, would teach it what is wrong elsewhere.
    """
    chance = (column.occupied - 1) / rows  # expected PSI of so many independent rows
    return column.calibrate(parts)[0].limit(_USUAL) <= ask.effect + chance


def report(
    batch: str,
    rows: int,
    measured: Mapping[str, Measured],
    told: Telling | None,
    limits: Limits,
    ask: Ask,
) -> DriftReport:
    """Hold a batch's distances against the limits, all tests corrected together."""
    chances = _chances(measured, told, limits)
    corrected = dict(zip(chances, holm(list(chances.values())), strict=True))
    first = ask.significance / len(chances)  # Holm's first step
    columns = tuple(
        _judge_column(name, found, limits.columns[name], corrected, ask, first)
        for name, found in measured.items()
    )
    joint = _judge_joint(told, limits, corrected, ask, first, min(rows, SHOWN)) if told else None
    alarms = tuple(column.column for column in columns if column.alarm)
    return DriftReport(
        batch=batch,
        rows=rows,
        status="ok",
        drifted=bool(alarms) or (joint is not None and joint.alarm),
        alarms=alarms,
        reason=explain(columns, joint, ask.significance),
        columns=columns,
        joint=joint,
    )


def _chances(
    measured: Mapping[str, Measured], told: Telling | None, limits: Limits
) -> dict[tuple[str, str], float]:
    """Return the p-value of every test, by column ("" for all together) and distance."""
    chances: dict[tuple[str, str], float] = {}
    for name, found in measured.items():
        psi, transport = limits.columns[name]
        chances[name, "psi"] = psi.p_value(found.psi)
        if transport and found.wasserstein is not None:
            chances[name, "wasserstein"] = transport.p_value(found.wasserstein)
    if told and limits.joint:
        chances["", "joint"] = limits.joint.p_value(float(odds(told.auc)))
    return chances


def _judge_joint(
    told: Telling,
    limits: Limits,
    corrected: Mapping[tuple[str, str], float],
    ask: Ask,
    first: float,
    shown: int,
) -> JointDrift:
    assert limits.joint is not None
    least = limits.joint.limit(first)
    p = corrected["", "joint"]
    return JointDrift(
        auc=told.auc,
        threshold=max(ask.auc, least / (1 + least)),
        alarm=told.auc > ask.auc and p <= ask.significance,
        p_value=p,
        columns=told.columns,
        left_out=limits.left_out,
        rows=shown,
    )


def _judge_column(
    name: str,
    found: Measured,
    wandering: tuple[Wandering, Wandering | None],
    corrected: Mapping[tuple[str, str], float],
    ask: Ask,
    first: float,
) -> ColumnDrift:
    psi, transport = wandering
    p_psi, p_transport = corrected[name, "psi"], corrected.get((name, "wasserstein"), 1.0)
    far = found.wasserstein is not None and found.wasserstein > ask.shift
    return ColumnDrift(
        column=name,
        kind="categorical" if transport is None else "numeric",
        threshold=max(ask.effect, psi.limit(first)),
        alarm=(found.psi > ask.effect and p_psi <= ask.significance)
        or (far and p_transport <= ask.significance),
        wasserstein_threshold=None if transport is None else max(ask.shift, transport.limit(first)),
        p_value=min(p_psi, p_transport),
        **asdict(found),
    )
