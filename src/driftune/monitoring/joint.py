"""Drift of all columns together: can a classifier tell the batch from the reference?

Columns that each keep their distribution can still change how they hang together. A classifier
that is asked to tell batch rows from reference rows sees it (the classifier two-sample test,
Lopez-Paz & Oquab 2017); its area under the ROC curve (AUC) on rows that it did not learn says how
well. It learns and is judged on different stretches of time, because neighbouring rows look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from driftune.errors import MissingPackage
from driftune.monitoring.binning import LevelBins, NumericBins
from driftune.monitoring.calibration import Wandering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    Rows: TypeAlias = npt.NDArray[np.float32]

SHOWN = 2000  # rows of each side; more tell little more and cost time
_KEPT = 20_000  # rows of the reference
_DRAWS = 20  # clean stretches
FOLDS = 3
_TREES = 40
_TELLING = 3  # columns named
_LARGEST = 3e38  # of a 32-bit float
_FEWEST = 1e-3  # an AUC this close to 0 or 1 counts as this, so that it has odds
_FOREST = {
    "objective": "binary",
    "num_leaves": 15,
    "max_bin": 63,
    "learning_rate": 0.1,
    "min_data_in_leaf": 20,
    "num_threads": 1,  # so few rows are slower with more
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True)
class Telling:
    """How well a classifier tells a batch from the reference.

    Args:
        auc: On rows that it did not learn.
        columns: The most telling columns with their share of the gain.
    """

    auc: float
    columns: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class DomainClassifier:
    """A sample of the reference, in time order, to tell batches from.

    Args:
        rows: Sample (n, columns) as numbers; levels are numbered by frequency.
        bins: How the columns were read, in their order.
        total: Rows of the reference that the sample stands for.
        seed: The same seed gives the same trees.
    """

    rows: Rows
    bins: Mapping[str, NumericBins | LevelBins]
    total: int
    seed: int = 0

    @classmethod
    def learn(
        cls, reference: pd.DataFrame, bins: Mapping[str, NumericBins | LevelBins], seed: int
    ) -> DomainClassifier:
        """Keep evenly spaced rows of the reference.

        Raises:
            MissingPackage: LightGBM is not installed.
        """
        _import_lightgbm()
        sample = reference.iloc[_spread(len(reference), _KEPT)]
        return cls(_as_numbers(sample, bins), bins, len(reference), seed)

    def tell(self, batch: pd.DataFrame, columns: Sequence[str]) -> Telling:
        """Tell a batch, in time order, from the reference by some of the columns."""
        kept = self._places(columns)
        shown = batch.iloc[_spread(len(batch), SHOWN)]
        rows = _as_numbers(shown, {name: self.bins[name] for name in columns})
        return self._compare(rows, self.rows[:, kept][_spread(len(self.rows), SHOWN)], columns)

    def calibrate(self, size: int, columns: Sequence[str]) -> Wandering:
        """Learn how well clean stretches are told from the rest of the reference.

        A stretch is as long as a batch of ``size`` rows, at most a fifth of the reference, and at
        least as many kept rows as the classifier is shown.

        Returns:
            The wandering of the odds of the AUC, see :func:`odds`.
        """
        kept = len(self.rows)
        width = min(max(round(size * kept / self.total), min(size, SHOWN)), kept // 5)
        independent = kept // width
        draws = min(_DRAWS, independent)
        rows = self.rows[:, self._places(columns)]
        found = []
        for start in np.linspace(0, kept - width, draws).astype(int):
            stretch = rows[start : start + width]
            rest = np.concatenate([rows[:start], rows[start + width :]])
            found.append(
                self._compare(
                    stretch[_spread(width, min(size, SHOWN))],
                    rest[_spread(len(rest), SHOWN)],
                    columns,
                ).auc
            )
        return Wandering.of(odds(np.array(found)), draws)

    def _places(self, columns: Sequence[str]) -> list[int]:
        names = list(self.bins)
        return [names.index(name) for name in columns]

    def _compare(self, batch: Rows, reference: Rows, columns: Sequence[str]) -> Telling:
        """Fit on all folds but one, judge on that one, in turn."""
        rows = np.concatenate([batch, reference])
        label = np.repeat([1, 0], [len(batch), len(reference)])
        folds = np.concatenate([_folds(len(batch)), _folds(len(reference))])
        lightgbm = _import_lightgbm()
        scores, gain = np.empty(len(rows)), np.zeros(len(columns))
        for fold in range(FOLDS):
            learnt, judged = folds != fold, folds == fold
            data = lightgbm.Dataset(rows[learnt], label[learnt])
            forest = lightgbm.train({**_FOREST, "seed": self.seed}, data, _TREES)
            scores[judged] = forest.predict(rows[judged], raw_score=True, num_threads=1)
            gain += forest.feature_importance("gain")
        aucs = [_auc(label[folds == fold], scores[folds == fold]) for fold in range(FOLDS)]
        order = [place for place in np.argsort(-gain)[:_TELLING] if gain[place] > 0]
        shares = tuple((columns[place], float(gain[place] / gain.sum())) for place in order)
        return Telling(float(np.mean(aucs)), shares)


def odds(auc: Any) -> Any:
    """Return ``auc / (1 - auc)``, whose logarithm is nearly normal.

    >>> odds(0.75)
    np.float64(3.0)
    """
    inside = np.clip(auc, _FEWEST, 1 - _FEWEST)
    return inside / (1 - inside)


def _spread(rows: int, most: int) -> np.ndarray[Any, Any]:
    """Return evenly spaced row numbers, at most so many."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(int)


def _folds(rows: int) -> np.ndarray[Any, Any]:
    """Return the fold (rows,) of each row: consecutive stretches."""
    return np.arange(rows) * FOLDS // rows


def _auc(label: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> float:
    """Return the AUC by ranks, ties shared (Mann & Whitney 1947)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    ones = int(label.sum())
    zeros = len(label) - ones
    return float((ranks[label == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _as_numbers(table: pd.DataFrame, bins: Mapping[str, NumericBins | LevelBins]) -> Rows:
    """Return columns (n, columns) as numbers: levels by frequency, missing ones as NaN."""
    found = np.empty((len(table), len(bins)), dtype=np.float32)
    for place, (name, reads) in enumerate(bins.items()):
        if isinstance(reads, NumericBins):
            values = table[name].to_numpy(dtype=float, na_value=np.nan)
            found[:, place] = np.clip(values, -_LARGEST, _LARGEST)
        else:
            codes = reads.read(table[name]).codes.astype(np.float64)
            found[:, place] = np.where(codes == reads.size - 1, np.nan, codes)
    return found


def _import_lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise MissingPackage(
            "The domain classifier of DriftMonitor needs LightGBM: `pip install lightgbm`, or"
            " DriftMonitor(joint=False)."
        ) from None
    return lightgbm
