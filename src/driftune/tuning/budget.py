"""What a study may cost, and the clock that says when it must stop.

All limits hold at once; the first one reached stops the study. The language model's own limits
silence the model and leave the search running, because an expensive model must never make a
search worse than none; they stop a study that has no other limit.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

StopReason = Literal[
    "time", "trials", "llm_cost", "rows", "row_cost", "converged", "no_gain_expected", "user"
]  # converged: the search stood still; no_gain_expected: what is left of the budget would not pay
RowLimit = Literal["rows", "row_cost"]
RowSelection = Literal["auto", "k_center"]


@dataclass(frozen=True)
class Budget:
    """Limits of a study, over all calls of :func:`driftune.tuning.tune` that work on it.

    Args:
        max_seconds: Wall time as ``"10m"``, ``"90s"``, ``"1h30m"`` or a number of seconds;
            ``None`` for no limit. Seconds of earlier calls count, as far as they brought trials.
        max_trials: Trials.
        max_rows: Most labelled rows that are used, by the search and by the refit. A larger number
            is another study.
        max_row_cost: Most to pay for labelled rows, in the currency of ``row_cost``.
        row_cost: Price of one labelled row.
        row_selection: Which rows, where their number is limited. ``auto``: the newest, or without a
            time column a stratified random sample. ``k_center``: those that cover the table, see
            :mod:`driftune.tuning.coreset`; the study's scores are then scores on such rows.
        max_llm_cost_usd: Dollars for language-model calls; 0 makes no call at all.
        max_llm_calls: Language-model calls; 0 makes no call at all.
        min_trials: Trials that are completed even when time runs out: their fits are cut short
            and scored as they are.
        patience: When the study counts as converged. A number: after so many trials without a
            relative gain above ``max(0.001, 1/sqrt(validation rows))``. ``auto``: after 10 of
            them, or a fifth of ``max_trials`` (of the trials so far where that is ``None``) if that
            is more, warm starts not counted, provided that twice the trials would gain less than
            the standard error of the validation; see :mod:`driftune.tuning.search_curve`.
            ``never``. ``None``: ``never`` with ``max_trials``, which then says exactly how many
            are run, else ``auto``.
        min_gain: Relative gain of the best loss that is worth going on for: 0.01 is one per cent.
            After 12 trials, ten of them beyond the starts, the study ends when the trials that
            ``max_trials`` and the time left still allow, at most twice those so far, are predicted
            to gain less, or less than the standard error of the validation; 0 asks for that alone.
            ``None``: never.

    Raises:
        UsageError: A limit is negative, is not a duration, or buys no row; rows are to be selected
            and their number has no limit.

    >>> Budget(max_seconds="1h30m").seconds
    5400.0
    """

    max_seconds: str | float | None = "2m"
    max_trials: int | None = 40
    max_rows: int | None = None
    max_row_cost: float | None = None
    row_cost: float | None = None
    max_llm_cost_usd: float | None = 1.0
    max_llm_calls: int | None = 25
    min_trials: int = 1
    patience: int | Literal["auto", "never"] | None = None
    min_gain: float | None = None
    row_selection: RowSelection = "auto"

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        """Refuse limits that cannot be meant."""
        parse_seconds(self.max_seconds)
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if name == "patience" and value in ("auto", "never"):
                continue
            if value is not None and not (_is_number(value) and value >= lowest):
                words = ", auto or never" if name == "patience" else ""
                raise UsageError(
                    f"budget.{name} is {value!r}; it must be a number of at least {lowest}{words}."
                )
        if self.min_gain is not None and self.min_gain >= 1:
            raise UsageError(
                f"budget.min_gain is {self.min_gain!r}; it is a share of the best loss and must be"
                " below 1: 0.01 is one per cent."
            )
        _check_prices(self)
        _check_selection(self)

    @property
    def seconds(self) -> float | None:
        """``max_seconds`` as a number of seconds."""
        return parse_seconds(self.max_seconds)

    @property
    def row_limit(self) -> tuple[int, RowLimit] | None:
        """How many labelled rows are allowed and which limit says so; ``None`` without one.

        >>> Budget(max_rows=1000, max_row_cost=20.0, row_cost=0.05).row_limit
        (400, 'row_cost')
        """
        limits: list[tuple[int, RowLimit]] = []
        if self.max_rows is not None:
            limits.append((self.max_rows, "rows"))
        if self.max_row_cost is not None and self.row_cost:
            limits.append((_affordable(self.max_row_cost, self.row_cost), "row_cost"))
        return min(limits, default=None)

    @property
    def trials_without_gain(self) -> int | Literal["auto", "never"]:
        """``patience`` with ``None`` replaced by what it means."""
        if self.patience is None:
            return "auto" if self.max_trials is None else "never"
        return self.patience

    @property
    def allows_language_model(self) -> bool:
        """False when the budget leaves no call or no money for a language model."""
        return self.max_llm_cost_usd != 0 and self.max_llm_calls != 0

    def clock(self, now: Callable[[], float] = time.monotonic) -> Clock:
        """Start the clock."""
        return Clock(budget=self, now=now)


_LOWEST = {
    "max_trials": 1,
    "max_rows": 1,
    "max_row_cost": 0,
    "row_cost": 0,
    "max_llm_cost_usd": 0,
    "max_llm_calls": 0,
    "min_trials": 1,
    "patience": 1,
    "min_gain": 0,
}


def _affordable(money: float, price: float) -> int:
    return math.floor(money / price * (1 + 1e-12))  # 0.3 buys three rows of 0.1


def _check_prices(budget: Budget) -> None:
    if budget.max_row_cost is None:
        return
    if not budget.row_cost:
        raise UsageError(
            f"budget.max_row_cost is {budget.max_row_cost!r} without a price: say what one row"
            " costs with budget.row_cost."
        )
    if _affordable(budget.max_row_cost, budget.row_cost) < 1:
        raise UsageError(
            f"budget.max_row_cost {budget.max_row_cost!r} buys no row at budget.row_cost"
            f" {budget.row_cost!r}."
        )


def _check_selection(budget: Budget) -> None:
    chosen, known = budget.row_selection, get_args(RowSelection)
    if chosen not in known:
        raise UsageError(f"budget.row_selection is {chosen!r}; it must be {' or '.join(known)}.")
    if chosen != "auto" and budget.row_limit is None:
        raise UsageError(
            f"budget.row_selection is {chosen!r}, but all rows are used: limit them with"
            " budget.max_rows, or budget.max_row_cost and budget.row_cost."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_seconds(value: str | float | None) -> float | None:
    """Read a duration.

    >>> parse_seconds("90s"), parse_seconds("10m"), parse_seconds(3), parse_seconds(None)
    (90.0, 600.0, 3.0, None)
    """
    if value is None:
        return None
    seconds = _as_number(value)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(
            f"budget.max_seconds is {value!r}; write a positive duration such as '10m', '90s' "
            "or '1h30m', or a number of seconds."
        )
    return seconds


_DURATION = re.compile(r"(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?")


def _as_number(value: str | float) -> float:
    # pandas.Timedelta reads these too, but settings are read where pandas is not wanted yet
    text = str(value).replace(" ", "")
    match = _DURATION.fullmatch(text)
    try:
        if text and match:
            days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return float(text)
    except ValueError:
        return math.nan


@dataclass
class Clock:
    """Time used by the study, and why it stopped.

    Attributes:
        earlier: Seconds used before this call.
        stop_reason: ``None`` while the study may go on.
    """

    budget: Budget
    now: Callable[[], float] = time.monotonic
    earlier: float = 0.0
    stop_reason: StopReason | None = None
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Remember when it began."""
        self.started = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the start of this call."""
        return self.now() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left; infinite without a limit, negative after it."""
        seconds = self.budget.seconds
        return math.inf if seconds is None else seconds - self.earlier - self.elapsed

    def check(self, *, completed: int, counted: int) -> StopReason | None:
        """Return and remember the limit that is reached, if any.

        Args:
            completed: Trials of the study with a score.
            counted: Trials of the study that count against ``max_trials``.
        """
        if self.budget.max_trials is not None and counted >= self.budget.max_trials:
            self.stop_reason = "trials"
        elif self.remaining <= 0 and completed >= self.budget.min_trials:
            self.stop_reason = "time"
        return self.stop_reason
