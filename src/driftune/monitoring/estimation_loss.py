"""Direct loss estimation: a second model learns the loss of each row from its features.

Package NannyML, "How it works: direct loss estimation" (DLE). The loss is never negative and has a
long tail, so the second model is boosted with Poisson deviance: its expectation is the mean, as
with squared errors, but one row that failed badly weighs less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, UsageError, close_match
from driftune.metrics import FloatArray, get_metric

if TYPE_CHECKING:
    import pandas as pd

    from driftune.resampling import BlockDraws

_FOLDS = 5
_LEVELS = 250  # of a column of text, the most frequent ones; the boosting takes at most 255
ROW_LOSSES = {"rmse": "rmse", "r2": "rmse", "mae": "mae"}  # metric -> whose row losses are learnt


@dataclass(frozen=True)
class ExpectedLosses:
    """The losses (n,) that are to be expected of some rows.

    Args:
        rows: One loss each; their mean, or its root, is the metric's loss.
        rooted: Whether it is the root.
    """

    rows: FloatArray
    rooted: bool

    def loss(self) -> float:
        """Return the expected loss of all rows."""
        mean = float(self.rows.mean())
        return mean**0.5 if self.rooted else mean

    def resampled(self, draws: BlockDraws) -> FloatArray:
        """Return the expected loss (r,) in each block resample."""
        means = np.maximum(draws.means(self.rows), 0)  # cumulative sums may end at -1e-17
        return np.sqrt(means) if self.rooted else means

    def newest(self, count: int) -> ExpectedLosses:
        """Return the same for the last ``count`` rows."""
        return ExpectedLosses(self.rows[-count:], self.rooted)


class LossModel:
    """Gradient boosting on features and prediction, with the row's loss as target.

    For r2 the variance of the target is needed too. Without labels it is taken as the variance of
    the predictions plus the expected squared error (their sum if errors and predictions are
    uncorrelated), times the ratio of the two on the reference.

    Args:
        metric: Name in `ROW_LOSSES`.
        seed: Of the boosting.
    """

    method = "direct_loss"

    def __init__(self, metric: str, *, seed: int = 0) -> None:
        self.metric = get_metric(metric)
        self.seed = seed
        self._table = _Table()
        self._booster: Any = None
        self._scale = 1.0
        self._variance_ratio = 1.0

    def fit(self, y: FloatArray, prediction: FloatArray, X: pd.DataFrame | None) -> ExpectedLosses:
        """Learn the losses; return what is expected of each row without its own fold."""
        losses = get_metric(ROW_LOSSES[self.metric.name]).row_losses(y, prediction)
        assert losses is not None
        self._scale = float(losses.mean()) or 1.0
        inputs = self._table.fit(X).of(prediction, X)
        held_out = np.empty(len(y))
        for rows in np.array_split(np.arange(len(y)), _FOLDS):  # neighbours stay together
            rest = np.setdiff1d(np.arange(len(y)), rows)
            held_out[rows] = self._predict(self._boost(inputs[rest], losses[rest]), inputs[rows])
        self._booster = self._boost(inputs, losses)
        self._variance_ratio = float(y.var() / (prediction.var() + losses.mean()))
        return self._expected(held_out, prediction)

    def expect(self, prediction: FloatArray, X: pd.DataFrame | None) -> ExpectedLosses:
        """Return what is expected of other rows.

        Raises:
            UsageError: Features here and not in ``fit``, or the other way round.
            DataError: A column of ``fit`` is missing, or there are more or fewer rows.
        """
        losses = self._predict(self._booster, self._table.of(prediction, X))
        return self._expected(losses, prediction)

    def _expected(self, losses: FloatArray, prediction: FloatArray) -> ExpectedLosses:
        if self.metric.name == "r2":
            losses = losses / (self._variance_ratio * (prediction.var() + losses.mean()))
        return ExpectedLosses(losses, self.metric.rooted)

    def _boost(self, inputs: FloatArray, losses: FloatArray) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        if losses.sum() == 0:
            return None
        booster = HistGradientBoostingRegressor(
            loss="poisson",
            learning_rate=0.05,
            max_iter=100,
            max_leaf_nodes=15,
            min_samples_leaf=30,
            categorical_features=self._table.categorical,
            early_stopping=False,
            random_state=self.seed,
        )
        return booster.fit(inputs, losses / self._scale)

    def _predict(self, booster: Any, inputs: FloatArray) -> FloatArray:
        if booster is None:
            return np.zeros(len(inputs))
        found: FloatArray = booster.predict(inputs) * self._scale
        return found


class _Table:
    """Turns features of any type into numbers, the same for the reference and for batches."""

    def __init__(self) -> None:
        self._columns: list[Any] | None = None
        self._levels: dict[Any, pd.Index[Any]] = {}

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns that number levels; the prediction is column 0."""
        return [i for i, c in enumerate(self._columns or [], start=1) if c in self._levels]

    def fit(self, X: pd.DataFrame | None) -> _Table:
        """Learn columns and their levels; time stamps are left out."""
        if X is None:
            return self
        from pandas.api.types import is_numeric_dtype

        kept = X.select_dtypes(exclude=["datetime", "datetimetz", "timedelta"])
        self._columns = list(kept.columns)
        for name in self._columns:
            if not is_numeric_dtype(kept[name]):
                self._levels[name] = kept[name].value_counts().index[:_LEVELS]
        return self

    def of(self, prediction: FloatArray, X: pd.DataFrame | None) -> FloatArray:
        """Return (n, 1 + p) numbers: the prediction, then the features."""
        if (X is None) != (self._columns is None):
            where = "reference only" if X is None else "batch only"
            raise UsageError(f"There are features for the {where}; give X to fit and to estimate.")
        if X is None or self._columns is None:
            return prediction[:, None]
        if len(X) != len(prediction):
            raise DataError(f"There are {len(prediction)} predictions for {len(X)} rows of X.")
        for name in self._columns:
            if name not in X.columns:
                known = [str(column) for column in X.columns]
                raise DataError(f"The batch has no column {name!r}.{close_match(str(name), known)}")
        return np.column_stack([prediction, *(self._numbers(X[name]) for name in self._columns)])

    def _numbers(self, column: pd.Series[Any]) -> FloatArray:
        """Return a column as floats; missing values and unseen levels as NaN."""
        import pandas as pd

        if column.name not in self._levels:
            return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
        codes = self._levels[column.name].get_indexer(pd.Index(column)).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)
