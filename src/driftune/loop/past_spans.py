"""How far back a challenger learns from, as the tuning pipeline chooses it; kept between runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from driftune.files import replace_file
from driftune.tuning.span import choose_span

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from pandas import DataFrame

    from driftune.monitoring.matrix import Rows
    from driftune.problem import Problem
    from driftune.tuning import TuningResult


@dataclass(frozen=True)
class Spans:
    """Chooses the first row that a challenger learns from.

    Attributes:
        problem: What is predicted.
        table: All rows of the history.
        known: The known configuration.
        family: What the settings say of the model family.
        folder: Where choices are kept; ``None``: nowhere.
    """

    problem: Problem
    table: DataFrame
    known: TuningResult
    family: str | tuple[str, ...]
    folder: Path | None

    def start(self, rows: Rows, strategy: str, newest: int) -> int:
        """Return how many of the search rows, oldest first, are left out.

        Args:
            rows: Numbers of the search rows, oldest first.
            strategy: See :class:`driftune.monitoring.TriggerPolicy`.
            newest: Rows that the spans are compared on.
        """
        if strategy == "all_history":
            return 0
        digest = sha256(rows.tobytes() + f"{strategy}{newest}".encode()).hexdigest()[:16]
        path = self.folder / f"span-{digest}.json" if self.folder else None
        if path and path.is_file():
            return int(json.loads(path.read_text(encoding="utf-8"))["start"])
        span = choose_span(
            self.problem,
            self.table.iloc[rows].reset_index(drop=True),
            self.known,
            strategy=cast("Literal['window', 'auto']", strategy),
            newest=newest,
            family=self.family,
        )
        if path:
            with replace_file(path) as temporary:
                temporary.write_text(json.dumps(span.to_dict()), encoding="utf-8")
        return span.start
