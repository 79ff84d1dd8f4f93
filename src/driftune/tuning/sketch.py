"""A table in a few hundred numbers, kept with a study so that a later one can tell what changed.

Of the target and of the columns that say most about it: where the bins are, and how many rows lie
in each. A category is known by a hash of four hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from driftune.tuning.prepared import Prepared

BINS = 10
LEVELS = 8  # categories with a bin of their own, the commonest
COLUMNS = 30  # that are kept
LOOKED_AT = 200  # columns whose importance is measured
ROWS = 5000  # that are looked at, evenly spaced
LENGTH = 3000  # characters of a sketch as JSON; a record has to fit into a tag
MOST = 1.0  # drift of one column at most, so that one that broke does not outweigh all others
LEAST_SHARE = 0.001  # of a bin, so that an empty one has a logarithm

Sketch = dict[str, Any]


@dataclass(frozen=True)
class Drift:
    """How far a table is from a sketch of another.

    Attributes:
        target: Population stability index of the target, 0 to 1.
        features: Mean index of the features, 0 to 1, weighted by what each says about the target.
        column: The feature that contributes most.
    """

    target: float
    features: float
    column: str

    @property
    def mean(self) -> float:
        """Of target and features."""
        return (self.target + self.features) / 2


def take_sketch(prepared: Prepared, *, length: int = LENGTH) -> Sketch:
    """Sketch a table: its target and at most 30 columns, the most important first.

    The importance of a column is the share of the target's variance (of its ranks; for classes, of
    their indicators) that lies between the column's bins, the correlation ratio, less what chance
    gives. So the weather, which is never the same twice, counts for as much as it says.

    Args:
        prepared: The table.
        length: Characters of the result as JSON; columns that do not fit are left out. Empty if
            the target does not fit.
    """
    X, y = _look(prepared)
    columns = []
    for name in prepared.feature_names[:LOOKED_AT]:
        bins = _learn(X[name], name in prepared.categorical)
        codes = _codes(X[name], bins)
        columns.append((_importance(codes, y), name, bins | {"p": _shares(codes, _size(bins))}))
    columns.sort(key=lambda column: -column[0])
    target = _learn_target(prepared)
    sketch: Sketch = {
        "rows": len(y),
        "target": target | {"p": _shares(_codes(_target(prepared), target), _size(target))},
        "columns": {},
    }
    left = length - len(json.dumps(sketch))
    if left < 0:
        return {}
    for importance, name, bins in columns[:COLUMNS]:
        entry = bins | {"w": round(float(importance), 3)}
        left -= len(json.dumps({_label(name): entry}))
        if left < 0:
            break
        sketch["columns"][_label(name)] = entry
    return sketch


def measure_drift(sketch: Mapping[str, Any], prepared: Prepared) -> Drift:
    """Compare a table with the sketch of an earlier one.

    The population stability index (Siddiqi 2006: ``sum((p - q) * ln(p / q))`` over bins), less what
    chance gives two samples of the same distribution, ``(bins - 1) * (1/n + 1/m)`` (Yurdakul 2018).

    Args:
        sketch: From :func:`take_sketch`, of the same problem.
        prepared: The table of now; a column that it lacks has drifted as far as can be.

    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: It is no sketch.
    """
    X, y = _look(prepared)
    rows = (int(sketch["rows"]), len(y))
    labels = {_label(name): name for name in prepared.feature_names}
    parts: dict[str, tuple[float, float]] = {}
    for label, bins in sketch["columns"].items():
        index = MOST
        if label in labels and ("l" in bins) == (labels[label] in prepared.categorical):
            index = _index(bins, X[labels[label]], rows)
        parts[label] = (float(bins["w"]), index)
    total = sum(weight for weight, _ in parts.values())
    worth = {label: w / total if total else 1 / len(parts) for label, (w, _) in parts.items()}
    shares = {label: worth[label] * index for label, (_, index) in parts.items()}
    return Drift(
        target=_index(sketch["target"], _target(prepared), rows),
        features=sum(shares.values()),
        column=max(shares, key=shares.__getitem__, default=""),
    )


def _look(prepared: Prepared) -> tuple[pd.DataFrame, NDArray[Any]]:
    rows = _rows(len(prepared.y))
    return prepared.X.iloc[rows], prepared.y[rows]


def _rows(n: int) -> NDArray[np.intp]:
    return np.linspace(0, n - 1, min(n, ROWS)).astype(np.intp)


def _target(prepared: Prepared) -> pd.Series[Any]:
    import pandas as pd

    y = prepared.y[_rows(len(prepared.y))]
    return pd.Series(y if prepared.classes is None else prepared.classes[y], name="target")


def _learn_target(prepared: Prepared) -> Sketch:
    return _learn(_target(prepared), prepared.classes is not None)


def _learn(column: pd.Series[Any], categorical: bool) -> Sketch:
    """Bins of a column: ``e``, edges between deciles, or ``l``, hashes of levels."""
    if categorical:
        return {"l": [_hash(level) for level in column.value_counts().index[:LEVELS]]}
    values = column.to_numpy(dtype=float, na_value=np.nan)
    values = values[np.isfinite(values)]
    if not len(values):
        return {"e": []}
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return {"e": list(dict.fromkeys(float(f"{edge:.4g}") for edge in edges))}


def _size(bins: Mapping[str, Any]) -> int:
    """Bins of the values, one for other levels, one for missing values."""
    return len(bins["e"]) + 2 if "e" in bins else len(bins["l"]) + 2


def _codes(column: pd.Series[Any], bins: Mapping[str, Any]) -> NDArray[np.intp]:
    missing = column.isna().to_numpy()
    if "e" in bins:
        values = column.to_numpy(dtype=float, na_value=np.nan)
        codes = np.searchsorted(np.asarray(bins["e"], dtype=float), values, side="left")
    else:
        known = {level: number for number, level in enumerate(bins["l"])}
        hashed = {level: known.get(_hash(level), len(known)) for level in column.dropna().unique()}
        codes = column.map(hashed).to_numpy(dtype=float, na_value=0.0)
    codes = np.where(missing, _size(bins) - 1, codes)
    return codes.astype(np.intp)


def _shares(codes: NDArray[np.intp], size: int) -> list[int]:
    """In thousandths."""
    return [round(1000 * x) for x in np.bincount(codes, minlength=size) / len(codes)]


def _index(bins: Mapping[str, Any], column: pd.Series[Any], rows: tuple[int, int]) -> float:
    size = _size(bins)
    before = np.asarray(bins["p"], dtype=float) / 1000
    now = np.bincount(_codes(column, bins), minlength=size) / len(column)
    if len(before) != size:
        raise ValueError(f"{len(before)} shares for {size} bins")
    p, q = np.maximum(before, LEAST_SHARE), np.maximum(now, LEAST_SHARE)
    index = float(np.sum((q - p) * np.log(q / p)))
    used = int(np.sum((before > 0) | (now > 0)))
    chance = (used - 1) * sum(1 / n for n in rows)
    return min(MOST, max(0.0, index - chance))


def _importance(codes: NDArray[np.intp], y: NDArray[Any]) -> float:
    """Share of the target's variance between the bins, 0 to 1."""
    from scipy.stats import rankdata

    if np.issubdtype(y.dtype, np.integer):
        values = np.eye(int(y.max()) + 1)[y]
    else:
        values = rankdata(y)[:, None]
    values = values - values.mean(axis=0)
    total = float(np.sum(values**2))
    counts = np.bincount(codes)
    between = 0.0
    for column in values.T:
        sums = np.bincount(codes, weights=column)
        between += float(np.sum(sums[counts > 0] ** 2 / counts[counts > 0]))
    chance = (np.count_nonzero(counts) - 1) / max(1, len(y) - 1)
    return max(0.0, between / total - chance) if total else 0.0


def _hash(level: object) -> str:
    return hashlib.sha256(str(level).encode()).hexdigest()[:4]


def _label(name: str) -> str:
    """A column's name, cut where it is long."""
    return (
        name if len(name) <= 40 else f"{name[:31]}#{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    )
