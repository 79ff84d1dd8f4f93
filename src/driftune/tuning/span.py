"""How far back to learn from: all history, or only the newest rows, by evidence.

After a drift old rows may mislead; without one, to leave them out is a waste. Models of the same
quick configuration are fitted on all rows but the newest, on the newest half of those, a quarter,
and so on, and predict the newest rows. A shorter span is taken only where it is clearly better
there than all history (Klinkenberg & Joachims 2000, "Detecting concept drift with support vector
machines", chooses its window on the newest batch too).
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from driftune.errors import DataError
from driftune.paired import improvement
from driftune.tuning.final_fit import predict, refit
from driftune.tuning.known import quick

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from driftune.metrics import FloatArray
    from driftune.problem import Problem
    from driftune.tuning.result import TuningResult

logger = logging.getLogger(__name__)
FEWEST_ROWS = 200  # that a span learns from
NEWEST = 0.2  # most of the rows that the spans are compared on
CLEARLY = 0.1  # least share of loss saved: old seasons come back, so they are not dropped for less
MOST_ROWS = 20_000  # per fit; a sample of a longer span tells the same


@dataclass(frozen=True)
class Span:
    """What a challenger learns from.

    Attributes:
        start: Number of the first row, oldest first; 0 = all history.
        rows: How many rows there are in all.
        strategy: ``all_history`` or ``window``.
        gain: Share of loss that the window saves against all history on the newest rows, with its
            interval; None where nothing was compared.
        compared: Rows of each span that was tried, and its gain.
    """

    start: int
    rows: int
    strategy: Literal["all_history", "window"]
    gain: tuple[float, float, float] | None = None
    compared: tuple[tuple[int, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def choose_span(
    problem: Problem,
    rows: pd.DataFrame,
    known: TuningResult,
    *,
    strategy: Literal["all_history", "window", "auto"],
    newest: int | None = None,
    family: str | Sequence[str] | None = None,
) -> Span:
    """Choose from which row on a challenger learns.

    Args:
        problem: The problem.
        rows: Labelled rows that the search may see, oldest first.
        known: A configuration to compare with, such as the champion's.
        strategy: ``window`` takes the best of the shorter spans, ``auto`` only one that is clearly
            better than all history.
        newest: Rows of the newest batch. Spans are compared on half as many, so that they can have
            met what the newest rows are like, and at most on a fifth of all; None = a fifth.
        family: What the settings say of the family, see :func:`driftune.tuning.refit`.

    Returns:
        All history where the rows are too few to tell.
    """
    judged = min((newest or 2 * len(rows)) // 2, int(NEWEST * len(rows)))
    spans = _halves(len(rows) - judged)
    whole = Span(0, len(rows), "all_history")
    if strategy == "all_history" or judged < FEWEST_ROWS // 2 or len(spans) < 2:
        return whole
    old, new = rows.iloc[:-judged], rows.iloc[-judged:]
    whole_history = _predict(problem, old, new, known, family)
    if whole_history is None:
        return whole
    y = _labels(problem, rows).iloc[-judged:].to_numpy()
    gains = {}
    for span in spans[1:]:
        ours = _predict(problem, old.tail(span), new, known, family)
        if ours is not None and ours.shape == whole_history.shape:  # a span may lack a class
            gains[span] = improvement(
                y, whole_history, ours, metric=problem.metric_object,
                confidence=1 - 0.05 / (len(spans) - 1), n_resamples=1000,
            )  # fmt: skip
    if not gains:
        return whole
    compared = tuple((span, gain.value) for span, gain in gains.items())
    best = max(gains, key=lambda span: gains[span].value)
    gain = gains[best]
    if strategy == "auto" and gain.low <= CLEARLY:
        return Span(0, len(rows), "all_history", (gain.low, gain.value, gain.high), compared)
    start = len(old) - best
    return Span(start, len(rows), "window", (gain.low, gain.value, gain.high), compared)


def _halves(rows: int) -> list[int]:
    """All rows, half of them, a quarter, ..., the last not below the fewest."""
    spans = []
    while rows >= FEWEST_ROWS:
        spans.append(rows)
        rows //= 2
    return spans


def _labels(problem: Problem, rows: pd.DataFrame) -> Any:
    """Targets as the metric takes them: classes numbered over all rows."""
    import pandas as pd

    target = rows[problem.target]
    if problem.task == "regression":
        return target.astype(float)
    return pd.Series(pd.factorize(target, sort=True)[0], index=target.index).astype(float)


def _predict(
    problem: Problem,
    rows: pd.DataFrame,
    new: pd.DataFrame,
    known: TuningResult,
    family: str | Sequence[str] | None,
) -> FloatArray | None:
    """Fit on some rows and predict the newest; None where the rows lack a class or a column."""
    sample = rows.sample(MOST_ROWS, random_state=0) if len(rows) > MOST_ROWS else rows
    try:
        model = refit(problem, sample, quick(known, len(sample)), family=family)
    except DataError as error:
        logger.info("A span of %s rows is not compared: %s", len(rows), error)
        return None
    return predict(model, new[list(model.feature_names_in_)], problem.task)
