"""An XGBoost classifier of any labels; XGBoost's own takes the numbers 0 to k-1 only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from xgboost import XGBClassifier

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LabelledXGBClassifier(XGBClassifier):  # type: ignore[misc]
    """Numbers the labels in sorted order before the fit, and predicts the labels themselves."""

    def fit(self, X: Any, y: Any, **arguments: Any) -> LabelledXGBClassifier:
        """Fit on labels, ``(n,)``."""
        labels, numbers = np.unique(np.asarray(y), return_inverse=True)
        self.__dict__.pop("labels_", None)  # of an earlier fit: XGBoost holds `classes_` against y
        super().fit(X, numbers, **arguments)
        self.labels_ = labels
        return self

    def predict(self, X: Any, **arguments: Any) -> NDArray[Any]:
        """Labels, ``(n,)``."""
        numbers = np.asarray(super().predict(X, **arguments), dtype=int)
        labels: NDArray[Any] = self.labels_[numbers]
        return labels

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels in sorted order, as the columns of ``predict_proba``."""
        return np.asarray(self.labels_ if hasattr(self, "labels_") else super().classes_)
