"""Any scikit-learn-compatible estimator as a family, by its import path."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError
from driftune.tuning.families.scikit import Order, ScikitFamily

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftune.tuning.families import Table
    from driftune.tuning.families.scikit import ScikitFolds
    from driftune.tuning.splitters import Fold

OURS = ("n_jobs", "random_state")  # set by the study


@dataclass(frozen=True)
class Imported(ScikitFamily):
    """An estimator such as ``sklearn.svm.SVR``, with a search space of the user's.

    One that allows NaN, as scikit-learn's tags say, gets category codes and NaN as they are. Any
    other gets categories as columns, medians for missing numbers, and one scale.

    Args:
        path: Import path, which is the family's name too.
        kind: The class.
    """

    path: str
    kind: Any = field(repr=False)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The import path."""
        return self.path

    @property
    def parameter_names(self) -> frozenset[str]:  # type: ignore[override]
        """What ``get_params()`` knows, but for threads and seed."""
        return frozenset(self._bare().get_params()) - set(OURS)

    @property
    def takes_codes(self) -> bool:  # type: ignore[override]
        """Whether the estimator says that it allows NaN."""
        from sklearn.utils import get_tags

        return bool(get_tags(self._bare()).input_tags.allow_nan)

    @property
    def default(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The estimator's own values, where they are plain ones."""
        known = self._bare().get_params()
        return {n: v for n, v in known.items() if isinstance(v, int | float | str)}

    def build(self, params: Mapping[str, Any], order: Order) -> Any:
        """The estimator with these parameters."""
        model = self._bare()
        known = model.get_params()
        ours = {"n_jobs": order.n_jobs, "random_state": order.seed}
        if order.n_rounds is not None and "warm_start" in known and "n_estimators" in known:
            ours["n_estimators"] = order.n_rounds
        return model.set_params(**{n: v for n, v in ours.items() if n in known} | dict(params))

    def fold_fitter(
        self, table: Table, folds: Sequence[Fold], *, n_jobs: int, seed: int
    ) -> ScikitFolds:
        """As :class:`ScikitFamily`, after a look at whether the estimator is of the right kind.

        Raises:
            UsageError: A classifier for a regression or the other way round, or a classifier
                without probabilities.
        """
        from sklearn.base import is_classifier, is_regressor

        model = self._bare()
        wanted = "classifier" if table.n_classes else "regressor"
        if not (is_classifier if table.n_classes else is_regressor)(model):
            raise UsageError(
                f"{self.path} is no {wanted}, which the metric {table.metric.name!r} needs "
                "(tuning.family)."
            )
        if table.n_classes and not hasattr(model, "predict_proba"):
            raise UsageError(
                f"{self.path} has no predict_proba, and {table.metric.name!r} is measured on "
                "probabilities (tuning.family)."
            )
        return super().fold_fitter(table, folds, n_jobs=n_jobs, seed=seed)

    def _bare(self) -> Any:
        needed = [
            name
            for name, parameter in inspect.signature(self.kind).parameters.items()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        ]
        if needed:
            raise UsageError(
                f"{self.path} cannot be made without {needed[0]!r} (tuning.family): write a small "
                "class of your own, see driftune.tuning.families.scikit.ScikitFamily."
            )
        return self.kind()
