"""What the initial rows look like: the yardstick of the checks that need no setting."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from driftune.validation.row_ids import hash_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from pandas import Series

    from driftune.problem import Problem

MOST_LEVELS = 1000  # a column with more is no category to us
NUMBER, TEXT, TIME, BOOLEAN, UNKNOWN = "number", "text", "time", "boolean", "unknown"


@dataclass(frozen=True)
class ColumnProfile:
    """One column of the initial rows.

    Attributes:
        kind: ``number``, ``text``, ``time``, ``boolean``, ``unknown`` (no value at all), or the
            name of another type.
        null_share: Share of missing values in ``[0, 1]``.
        distinct: How many different values there are.
        low, high: Smallest and largest finite number, or ISO time.
        magnitude: The 1 %, 50 % and 99 % quantile of ``log10 |x|`` over numbers that are not zero.
        levels: The values of a text, boolean or number column that has at most 1,000.
    """

    kind: str
    null_share: float
    distinct: int
    low: Any = None
    high: Any = None
    magnitude: tuple[float, float, float] | None = None
    levels: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Profile:
    """The initial rows, boiled down; JSON-able by :meth:`to_dict`.

    Attributes:
        rows: How many there are.
        duplicate_share: Share of rows that repeat an earlier one in every column.
        identified: Whether the problem's ids and time together name each row once.
        columns: By name, in the order of the file.
    """

    rows: int
    duplicate_share: float
    identified: bool
    columns: dict[str, ColumnProfile] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each column that has values."""
        return {n: c.kind for n, c in self.columns.items() if c.kind != UNKNOWN}

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain lists and dictionaries."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Profile:
        """Read what :meth:`to_dict` wrote, also by way of JSON."""
        columns: dict[str, ColumnProfile] = {}
        for name, column in stored["columns"].items():
            read: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in column.items()
            }
            columns[name] = ColumnProfile(**read)
        return cls(stored["rows"], stored["duplicate_share"], stored["identified"], columns)


def make_profile(
    kinds: Mapping[str, str], load: Callable[[str], Series[Any]], problem: Problem
) -> Profile:
    """Describe a table one column at a time, so that a long one needs little memory.

    Args:
        kinds: Column name -> kind.
        load: Returns a column by its name, ``(n,)``.
        problem: Says which columns name a row.

    Example:
        >>> from driftune.problem import Problem
        >>> table = pd.DataFrame({"x": [1.0, 10.0, np.inf], "c": ["a", None, "a"]})
        >>> made = make_profile({"x": "number", "c": "text"}, lambda name: table[name],
        ...     Problem(name="a", target="x", metric="rmse"))
        >>> made.columns["x"].high, made.columns["c"].levels, made.duplicate_share
        (10.0, ('a',), 0.0)
    """
    columns: dict[str, ColumnProfile] = {}
    whole, identity = _Combined(), _Combined()
    for name, kind in kinds.items():
        values = load(name)
        columns[name] = describe(values, kind)
        hashed = hash_rows(values.to_frame(name), [name])
        whole.add(hashed)
        if name in {*problem.ids, problem.time}:
            identity.add(hashed)
    rows = len(whole.hashes)
    return Profile(rows, whole.repeated() / max(rows, 1), identity.repeated() == 0, columns)


class _Combined:
    """A hash of several columns, which come one after another."""

    def __init__(self) -> None:
        self.hashes: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def add(self, column: NDArray[np.uint64]) -> None:
        if not len(self.hashes):
            self.hashes = column
            return
        pair = pd.DataFrame({"before": self.hashes, "column": column})
        self.hashes = hash_rows(pair, ["before", "column"])

    def repeated(self) -> int:
        return int(pd.Series(self.hashes).duplicated().sum())


def describe(values: Series[Any], kind: str) -> ColumnProfile:
    """Describe one column."""
    present = values.dropna()
    levels = present.unique() if kind in {NUMBER, TEXT, BOOLEAN} else present.unique()[:0]
    kept = None
    if kind in {NUMBER, TEXT, BOOLEAN} and len(levels) <= MOST_LEVELS:
        kept = tuple(_plain(level) for level in sorted(levels.tolist(), key=str))
    low = high = magnitude = None
    if kind == NUMBER and len(present):
        numbers = present.to_numpy(dtype=float)
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            low, high = float(finite.min()), float(finite.max())
            magnitude = magnitude_of(finite)
    elif kind == TIME and len(present):
        low, high = present.min().isoformat(), present.max().isoformat()
    return ColumnProfile(
        kind=kind if len(present) else UNKNOWN,
        null_share=float(values.isna().mean()) if len(values) else 0.0,
        distinct=int(present.nunique()),
        low=low,
        high=high,
        magnitude=magnitude,
        levels=kept,
    )


def magnitude_of(numbers: Any) -> tuple[float, float, float] | None:
    """Return the 1 %, 50 % and 99 % quantile of ``log10 |x|``; ``None`` without a value but 0."""
    size = np.abs(numbers[numbers != 0])
    if not len(size):
        return None
    low, middle, high = np.quantile(np.log10(size), (0.01, 0.5, 0.99))
    return float(low), float(middle), float(high)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value if isinstance(value, bool | int | str) else str(value)
