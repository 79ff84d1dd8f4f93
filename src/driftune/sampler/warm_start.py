"""Configurations worth running before any search: the library's default and a portfolio.

A fixed default explains most of what is reported as a language model's warm start, and a handful
of configurations that did well on other data sets is worth more than that. The numbers and their
sources are in :mod:`driftune.sampler.portfolios`.
"""

from __future__ import annotations

from math import log2, sqrt
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution

from driftune.errors import UsageError, close_match
from driftune.sampler.portfolios import FAMILIES, Published
from driftune.sampler.unit_cube import nearest_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

_COUNTS = {"sqrt": sqrt, "log2": log2}  # scikit-learn's words for a number of columns


def library_default(family: str, *, classification: bool = False) -> dict[str, Any]:
    """Return the values that the library itself uses, under the library's own names.

    >>> library_default("lightgbm")["num_leaves"]
    31
    >>> library_default("random_forest", classification=True)["max_features"]
    'sqrt'

    Args:
        family: ``lightgbm``, ``xgboost``, ``hist_gradient_boosting``, ``random_forest``,
            ``extra_trees``, ``linear`` or ``mlp``.
        classification: The classifier's, where they differ from the regressor's.

    Raises:
        UsageError: If the family is not known.
    """
    published = _find(family)
    return published.default | (published.classifier if classification else {})


def portfolio(family: str, *, classification: bool = False) -> list[dict[str, Any]]:
    """Return a few diverse configurations that did well on other data sets; may be empty.

    Parameters that a source leaves at the library's default are given with that default. Values
    outside a search space are moved into it, see :func:`move_into`.

    >>> len(portfolio("lightgbm")), len(portfolio("hist_gradient_boosting"))
    (5, 0)

    Raises:
        UsageError: If the family is not known.
    """
    default = library_default(family, classification=classification)
    return [default | entry for entry in _find(family).portfolio]


def cheap_start(family: str) -> dict[str, Any]:
    """Return a configuration that costs next to nothing; empty where none is published.

    >>> cheap_start("lightgbm")["num_leaves"], cheap_start("random_forest")
    (4, {})

    Raises:
        UsageError: If the family is not known.
    """
    published = _find(family)
    return published.default | published.cheap if published.cheap else {}


def move_into(
    space: Mapping[str, BaseDistribution],
    params: Mapping[str, Any],
    *,
    family: str,
    n_columns: int | None = None,
) -> dict[str, Any]:
    """Return the parameters that ``space`` knows, moved to the nearest value inside it.

    "No limit" becomes the highest value, whatever number the library writes for it, and ``sqrt`` of
    the columns becomes a share of them. What cannot be placed (text for a number, NaN) is left out,
    for the sampler to fill.

    >>> from optuna.distributions import FloatDistribution, IntDistribution
    >>> space = {"max_depth": IntDistribution(3, 12), "feature_fraction": FloatDistribution(0.3, 1)}
    >>> move_into(space, {"max_depth": -1, "feature_fraction": 0.1, "x": 1}, family="lightgbm")
    {'max_depth': 12, 'feature_fraction': 0.3}

    Args:
        space: The hard limits.
        params: A configuration under the names of ``space``; others are ignored.
        family: Whose word for "no limit" is meant; an unknown family has none.
        n_columns: Columns that the model sees, for ``sqrt`` and ``log2``.
    """
    published = FAMILIES.get(family, Published({}))
    placed = {}
    for name, distribution in space.items():
        if name not in params:
            continue
        try:
            placed[name] = _place(params[name], name, distribution, published, n_columns)
        except (ValueError, TypeError):  # TypeError: a list or a dict among the choices
            continue
    return placed


def _place(
    value: Any,
    name: str,
    distribution: BaseDistribution,
    published: Published,
    n_columns: int | None,
) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return nearest_value(value, distribution)
    if name in published.unlimited and value == published.unlimited[name]:
        return nearest_value(float("inf"), distribution)
    if isinstance(value, str) and value in _COUNTS and n_columns:
        value = max(1.0, _COUNTS[value](n_columns)) / n_columns
    return nearest_value(value, distribution)


def _find(family: str) -> Published:
    if family not in FAMILIES:
        raise UsageError(
            f"No warm start is known for the family {family!r}.{close_match(family, FAMILIES)}"
        )
    return FAMILIES[family]
