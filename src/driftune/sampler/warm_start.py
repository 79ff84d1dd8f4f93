"""Configurations worth running before any search: the library's default and a portfolio.

A fixed default explains most of what is reported as a language model's warm start, and a handful
of configurations that did well on other data sets is worth more than that.
"""

from __future__ import annotations

from typing import Any

from driftune.errors import UsageError, close_match

_LIGHTGBM_DEFAULT = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "lambda_l1": 0.0,
    "lambda_l2": 0.0,
    "max_depth": -1,
}

_LIGHTGBM_PORTFOLIO = (
    # AutoGluon, zero-shot portfolio of 2023 (learned on TabRepo), entries GBM Large, r131, r130
    {"learning_rate": 0.03, "num_leaves": 128, "min_data_in_leaf": 3, "feature_fraction": 0.9},
    {
        "learning_rate": 0.012144796373999013,
        "num_leaves": 53,
        "min_data_in_leaf": 14,
        "feature_fraction": 0.7023601671276614,
    },
    {
        "learning_rate": 0.04711573688184715,
        "num_leaves": 89,
        "min_data_in_leaf": 56,
        "feature_fraction": 0.6245777099925497,
    },
    # FLAML 1.0.2, default/lgbm/regression.json, learned on "house_8L" and on "houses"
    {
        "learning_rate": 0.02167229637171611,
        "num_leaves": 42,
        "min_data_in_leaf": 12,
        "feature_fraction": 0.7385038460573171,
        "lambda_l1": 0.003607184551842614,
        "lambda_l2": 12.08340803550741,
    },
    {
        "learning_rate": 0.022635758411078528,
        "num_leaves": 122,
        "min_data_in_leaf": 2,
        "feature_fraction": 0.7019911744574896,
        "lambda_l1": 0.004252223402511765,
        "lambda_l2": 0.11288241427227624,
    },
)

_FAMILIES = {"lightgbm": (_LIGHTGBM_DEFAULT, _LIGHTGBM_PORTFOLIO)}


def library_default(family: str) -> dict[str, Any]:
    """Return the values that the library itself uses, under the library's own names.

    LightGBM: the defaults of its parameter documentation; ``max_depth=-1`` is "no limit".

    >>> library_default("lightgbm")["num_leaves"]
    31

    Raises:
        UsageError: If the family is not known.
    """
    return dict(_find(family)[0])


def portfolio(family: str) -> list[dict[str, Any]]:
    """Return a few diverse configurations that did well on other data sets.

    Published facts, carried over as they are: AutoGluon's zero-shot portfolio of 2023 (Salinas and
    Erickson, TabRepo, 2023) and FLAML's zero-shot defaults (Wang et al., "Mining robust default
    configurations for resource-constrained AutoML", 2022). Parameters that a source leaves at
    the library's default are given with that default. The number of trees is left out: early
    stopping finds it. Values outside a search space are clipped into it by the sampler.

    >>> len(portfolio("lightgbm"))
    5

    Raises:
        UsageError: If the family is not known.
    """
    default, entries = _find(family)
    return [{**default, **entry} for entry in entries]


def _find(family: str) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    if family not in _FAMILIES:
        raise UsageError(
            f"No warm start is known for the family {family!r}.{close_match(family, _FAMILIES)}"
        )
    return _FAMILIES[family]
