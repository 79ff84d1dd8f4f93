"""What one check found in one batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Severity = Literal["critical", "warning"]
EXAMPLES = 3


def no_rows() -> NDArray[np.int64]:
    """Return an empty array of row numbers."""
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: Its name: a key of ``validation.built_in``, ``schema``, or Great Expectations' type.
        sentence: What was looked for and what was found, with the limit.
        column: The column, for checks of one.
        severity: What a failure does.
        success: Whether the batch passed.
        by_row: Whether single rows can be put aside for it.
        bad_rows: Numbers of the rows that fail it, ``(k,)``; only where ``by_row``.
        unexpected: How many rows fail it, where that is known.
    """

    check: str
    sentence: str
    column: str | None = None
    severity: Severity = "critical"
    success: bool = False
    by_row: bool = False
    bad_rows: NDArray[np.int64] = field(default_factory=no_rows)
    unexpected: int | None = None

    @property
    def refuses(self) -> bool:
        """Whether the whole batch cannot be used."""
        return not self.success and self.severity == "critical" and not self.by_row

    @property
    def quarantines(self) -> bool:
        """Whether rows are put aside."""
        return not self.success and self.severity == "critical" and self.by_row

    @property
    def warned(self) -> bool:
        """Whether the run goes on with a tag."""
        return not self.success and self.severity == "warning"

    def to_dict(self) -> dict[str, Any]:
        """Return what the report keeps; JSON-able."""
        return {
            "expectation": self.check,
            "column": self.column,
            "severity": self.severity,
            "success": self.success,
            "unexpected": self.unexpected,
            "sentence": self.sentence,
            "refuses": self.refuses,
            "warned": self.warned,
            "quarantines": self.quarantines,
        }


def examples(values: Iterable[Any]) -> str:
    """Show a few different values.

    >>> examples([3, 3, 1, 2, 9])
    '3, 1, 2'
    """
    return ", ".join(str(value) for value in list(dict.fromkeys(values))[:EXAMPLES])
