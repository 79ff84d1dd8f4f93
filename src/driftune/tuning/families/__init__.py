"""Model families: what tuning needs to know about an algorithm.

A family is one small class; :func:`get_family` finds it by name. To write one of your own see
:class:`driftune.tuning.families.scikit.ScikitFamily`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from driftune.tuning.families.finding import find_family, get_family

__all__ = [
    "Family",
    "FoldFit",
    "FoldFitter",
    "Shape",
    "Table",
    "find_family",
    "get_family",
]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from driftune.metrics import Metric
    from driftune.tuning.splitters import Fold

    Stop = Callable[[], bool]  # asked after every round: is it time to end this fit?


@dataclass(frozen=True)
class Table:
    """Encoded training data, shared by all trials of a study.

    Attributes:
        X: ``(n, p)`` float64, categorical columns first; NaN is missing.
        y: ``(n,)`` floats, or class numbers 0..k-1.
        n_categorical: How many of the first columns are categorical.
        n_classes: k, or 0 for regression.
        metric: What is optimised.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    n_categorical: int
    n_classes: int
    metric: Metric


@dataclass(frozen=True)
class Shape:
    """What an estimator must know of the encoded table that it will be fitted on.

    Attributes:
        n_rows: Rows.
        n_columns: Columns.
        n_categorical: How many of the first columns are categorical.
    """

    n_rows: int
    n_columns: int
    n_categorical: int


@dataclass(frozen=True)
class FoldFit:
    """One model trained on one fold.

    Attributes:
        prediction: For the validation rows, shaped as :class:`driftune.metrics.Metric` expects.
        train_prediction: For ``train_rows``, in the same shape.
        train_rows: A sample of the training rows.
        best_iteration: Boosting rounds (or the like) at the best validation loss.
        curve: Validation loss, as the family measures it, after each round.
        seconds: Wall time of training and prediction.
        cut: Whether the deadline ended the training.
        model_bytes: Size of the fitted model as it is stored, without rounds after the best one.
        work: Seconds that the training takes on one thread of a typical machine, computed from
            rounds, rows and leaves and not from a clock, so that a study that weighs it is
            repeatable; NaN where the family cannot tell.
        seconds_per_row: Time of a prediction of many rows, divided by their number, with one
            thread; see :func:`driftune.tuning.footprint.predict_timed`.
        loaded_bytes: Memory that the loaded model takes; ``None`` for as much as it is stored in.
    """

    prediction: NDArray[Any]
    train_prediction: NDArray[Any]
    train_rows: NDArray[Any]
    best_iteration: int
    curve: Sequence[float]
    seconds: float
    cut: bool
    model_bytes: int
    seconds_per_row: float
    work: float = math.nan
    loaded_bytes: int | None = None


class FoldFitter(Protocol):
    """Trains one configuration on one fold; keeps what trials can share."""

    def fit(self, fold: int, params: Mapping[str, Any], *, stop: Stop) -> FoldFit:
        """Train on fold number ``fold``, at most until ``stop()`` says so; called from threads."""
        ...


class Family(Protocol):
    """An algorithm that can be tuned; can be pickled.

    A class may hold the attributes as plain class attributes.

    Attributes:
        name: As written in settings.
        presets: Search spaces by name, ``recommended`` among them; empty where a space must be
            given.
        parameter_names: Parameters that a search space may hold.
        aliases: Other names of these parameters, which are read as well.
        rounds_grow: Whether a fit on more rows bears more rounds, as boosting does.
    """

    @property
    def name(self) -> str:  # noqa: D102 - see the class
        ...

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:  # noqa: D102
        ...

    @property
    def parameter_names(self) -> frozenset[str]:  # noqa: D102
        ...

    @property
    def aliases(self) -> Mapping[str, str]:  # noqa: D102
        ...

    @property
    def rounds_grow(self) -> bool:  # noqa: D102
        ...

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> FoldFitter:
        """Prepare the folds once for all trials."""
        ...

    def make_estimator(
        self,
        params: Mapping[str, Any],
        n_rounds: int,
        metric: Metric,
        *,
        n_jobs: int,
        seed: int,
        shape: Shape,
    ) -> Any:
        """An unfitted scikit-learn estimator of the encoded features."""
        ...

    def fit_arguments(self, n_categorical: int) -> dict[str, Any]:
        """Arguments of that estimator's ``fit`` beside ``X`` and ``y``."""
        ...
