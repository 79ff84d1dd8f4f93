"""Whether an exported model predicts what the original predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import ExportFailed
from driftune.tuning import predict

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from driftune.export.card import Card
    from driftune.export.reading import ExportedModel

TOLERANCE = 1e-5
MOST_ROWS = 5000
BLANKED = 0.1  # of the cells of the second half of the sample
UNKNOWN = "a category that no row had"


@dataclass(frozen=True)
class Agreement:
    """How far an exported model is from the original.

    Attributes:
        rows: That were predicted by both.
        largest: Greatest absolute difference, in the target's unit or of a probability.
        scale: What it is measured against: 1 for probabilities; for a regression the standard
            deviation of the original's predictions, so that the unit of the target does not matter.
        tolerance: Greatest difference allowed, as a share of the scale.
    """

    rows: int
    largest: float
    scale: float
    tolerance: float = TOLERANCE

    @property
    def relative(self) -> float:
        """The greatest difference as a share of the scale."""
        return self.largest / self.scale

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        return self.relative <= self.tolerance  # false for NaN

    def __str__(self) -> str:
        """Say it in a sentence."""
        word = "agree" if self.holds else "disagree"
        return (
            f"on {self.rows:,} rows both {word}: largest difference {self.largest:.3g}, which is"
            f" {self.relative:.2g} of the scale {self.scale:.4g} (at most {self.tolerance:g})"
        )


def compare(original: NDArray[np.float64], exported: NDArray[np.float64], task: str) -> Agreement:
    """Compare predictions of the same rows, shaped as :func:`driftune.tuning.predict` has it.

    >>> compare(np.array([0.0, 200.0]), np.array([0.0, 200.0005]), "regression").holds
    True
    >>> compare(np.array([0.2, 0.7]), np.array([0.2, 0.7005]), "binary").holds
    False
    """
    if original.shape != exported.shape:
        raise ExportFailed(
            f"The exported model predicts {exported.shape}, the original {original.shape}."
        )
    spread = float(np.std(original)) if task == "regression" else 1.0
    return Agreement(
        rows=len(original),
        largest=float(np.max(np.abs(original - exported))),
        scale=spread or float(np.max(np.abs(original))) or 1.0,
    )


def prove(pipeline: Pipeline, exported: ExportedModel, rows: pd.DataFrame) -> Agreement:
    """Predict a sample by both: real rows, then the same with holes and unknown categories."""
    card = exported.card
    sample = pick_rows(rows)
    task = card.task
    real = predict(pipeline, sample, task), exported.predict(sample)
    hard_rows = make_hard(card, sample)
    hard = predict(pipeline, hard_rows, task), exported.predict(hard_rows)
    return compare(np.concatenate([real[0], hard[0]]), np.concatenate([real[1], hard[1]]), task)


def pick_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """At most :data:`MOST_ROWS` rows, evenly spaced.

    Raises:
        ExportFailed: There is none: nothing would be proven.
    """
    if rows.empty:
        raise ExportFailed("There is no row to prove the agreement on.")
    places = np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().astype(int)
    return rows.iloc[np.unique(places)]


def make_hard(card: Card, rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with a tenth of the cells missing and some categories unknown."""
    rng = np.random.default_rng(0)
    hard = card.take(rows)
    for column in card.columns:
        values: NDArray[Any] = hard[column.name].to_numpy(copy=True)
        blank = rng.random(len(values)) < BLANKED
        values[blank] = np.nan if column.categories is None else None
        if column.categories is not None:
            values[rng.random(len(values)) < BLANKED / 2] = UNKNOWN
        hard[column.name] = values
    return hard
