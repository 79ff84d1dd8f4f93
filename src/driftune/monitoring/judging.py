"""Which of a batch's distances are drift: large, and rarer than in clean batches of its size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.monitoring.calibration import Stretches, Wandering, cell_rows, holm
from driftune.monitoring.drift_report import ColumnDrift, JointDrift
from driftune.monitoring.joint import odds

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
        standing: Columns that do not wander beyond the effect: the classifier sees these.
        joint: The wandering of the odds of the classifier's AUC.
    """

    columns: Mapping[str, tuple[Wandering, Wandering | None]]
    standing: tuple[str, ...] = ()
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
    standing = tuple(
        name
        for name in classifier.bins
        if found[name][0].limit(_USUAL) <= ask.effect and columns[name].varies
    )
    if len(standing) < 2:
        return Limits(found)
    return Limits(found, standing, classifier.calibrate(size, standing))


def judge(
    measured: Mapping[str, Measured],
    told: Telling | None,
    limits: Limits,
    ask: Ask,
    *,
    shown: int,
) -> tuple[tuple[ColumnDrift, ...], JointDrift | None]:
    """Hold a batch's distances against the limits, all tests corrected together."""
    chances: dict[tuple[str, str], float] = {}
    for name, found in measured.items():
        psi, transport = limits.columns[name]
        chances[name, "psi"] = psi.p_value(found.psi)
        if transport and found.wasserstein is not None:
            chances[name, "wasserstein"] = transport.p_value(found.wasserstein)
    if told and limits.joint:
        chances["", "joint"] = limits.joint.p_value(float(odds(told.auc)))
    first = ask.significance / len(chances)  # Holm's first step
    corrected = dict(zip(chances, holm(list(chances.values())), strict=True))
    columns = tuple(
        _judge_column(name, found, limits.columns[name], corrected, ask, first)
        for name, found in measured.items()
    )
    if not told or not limits.joint:
        return columns, None
    least = limits.joint.limit(first)
    p = corrected["", "joint"]
    left_out = tuple(name for name in limits.columns if name not in limits.standing)
    return columns, JointDrift(
        auc=told.auc,
        threshold=max(ask.auc, least / (1 + least)),
        alarm=told.auc > ask.auc and p <= ask.significance,
        p_value=p,
        columns=told.columns,
        left_out=left_out,
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
