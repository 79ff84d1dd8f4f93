"""Meta-features: a table in a few numbers by which two tables are compared.

Simple, statistical and cheap ones, after the list of Feurer, Springenberg and Hutter,
"Initializing Bayesian hyperparameter optimization via meta-learning" (AAAI 2015, table 1): numbers
of rows and columns, kinds of columns, missing values, classes and their balance, and, for
regression, the shape of the target. They use z-scores over many data sets; a project has few, so
that each number is scaled beforehand: one unit is ten times the rows, ten times the columns, or
going from none to all.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.tuning.prepared import Prepared

NORMAL_IQR = 1.349  # interquartile range of a normal distribution, in standard deviations


@dataclass(frozen=True)
class TableFeatures:
    """Meta-features of any table.

    Attributes:
        log_rows: Decimal logarithm of the rows.
        log_columns: Decimal logarithm of the feature columns.
        categorical_share: Share of the columns that hold categories, 0 to 1.
        missing_share: Share of the cells that are missing, 0 to 1.
    """

    log_rows: float
    log_columns: float
    categorical_share: float
    missing_share: float


@dataclass(frozen=True)
class RegressionFeatures(TableFeatures):
    """Of a regression, too; nothing depends on the unit of the target.

    Attributes:
        target_skewness: Third standardised moment, as ``sign * log10(1 + |skewness|)``.
        target_tails: Decimal logarithm of standard deviation over interquartile range, 0 for a
            normal distribution, 1 for tails that widen it tenfold; within -1 and 2.
        target_distinct: Distinct values of the target over rows, 0 to 1.
    """

    target_skewness: float
    target_tails: float
    target_distinct: float


@dataclass(frozen=True)
class ClassificationFeatures(TableFeatures):
    """Of a classification, too.

    Attributes:
        log_classes: Decimal logarithm of the number of classes.
        class_entropy: Entropy of the class shares over that of equal shares, 0 to 1: balance.
    """

    log_classes: float
    class_entropy: float


def meta_features(prepared: Prepared) -> dict[str, float]:
    """Measure a table; finite numbers, the same names for every table of the same task kind."""
    shared: dict[str, Any] = {
        "log_rows": math.log10(len(prepared.y)),
        "log_columns": math.log10(len(prepared.feature_names)),
        "categorical_share": len(prepared.categorical) / len(prepared.feature_names),
        "missing_share": float(prepared.X.isna().to_numpy().mean()),
    }
    if prepared.classes is None:
        return asdict(RegressionFeatures(**shared, **_shape(prepared.y)))
    return asdict(ClassificationFeatures(**shared, **_balance(prepared.y)))


def _shape(y: NDArray[Any]) -> dict[str, float]:
    y = y / np.abs(y).max()  # no overflow further down
    spread = float(y.std())
    skewness = float(np.mean(((y - y.mean()) / spread) ** 3)) if spread else 0.0
    low, high = np.quantile(y, [0.25, 0.75])
    middle = float(high - low) / NORMAL_IQR
    tails = math.log10(spread / middle) if spread and middle else 2.0
    return {
        "target_skewness": math.copysign(math.log10(1 + abs(skewness)), skewness),
        "target_tails": min(max(tails, -1.0), 2.0),
        "target_distinct": len(np.unique(y)) / len(y),
    }


def _balance(y: NDArray[Any]) -> dict[str, float]:
    counts = np.bincount(y)
    counts = counts[counts > 0]
    shares = counts / counts.sum()
    entropy = float(-(shares * np.log(shares)).sum())
    return {
        "log_classes": math.log10(len(counts)),
        "class_entropy": entropy / math.log(len(counts)) if len(counts) > 1 else 0.0,
    }
