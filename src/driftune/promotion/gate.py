"""The gate: is the challenger better than the champion on rows that the search never saw?

A challenger that merely looks better on the rows it was chosen by is promoted nearly always, equal
or not. Here both models predict the same fresh rows, and the relative difference of their losses
gets an interval from a paired circular block bootstrap (see `driftune.paired`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from driftune.errors import DataError, UsageError
from driftune.metrics import Metric, get_metric
from driftune.promotion.comparison import Comparison, Names
from driftune.promotion.limits import Limits
from driftune.promotion.rows import NO_GUARDS, Guards, align

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.promotion.verdict import Verdict

MOST_HELD = 0.2  # of all rows, where the holdout is "auto"


@dataclass(frozen=True)
class Gate:
    """The conditions for a promotion; also the section ``gate`` of the problem's YAML.

    Promoted is who (1) predicts within the limits of sanity, (2) shows an improvement whose whole
    interval is above zero and (3) whose point is at least ``margin``, (4) is not much worse on any
    slice, and (5) is not clearly worse than the champion before this one. An equal challenger
    passes in at most ``(1 - confidence) / 2`` of the cases.

    How many rows does it take? A challenger that is better by two points is promoted with a chance
    of 0.8 from 4,500 rows (rmse, 2 % less, errors of the two models correlated at 0.9), 2,200
    (accuracy, 82 % against 80 %, the models disagree on every tenth row) or 1,200 (roc_auc, 0.82
    against 0.80, scores correlated at 0.9 within a class); seeded simulations in
    ``tests/reliability/test_r18_gate.py``.

    Args:
        holdout: Newest rows kept from the search: a duration ("36h", "7d", "2w"), a share in
            (0, 0.5], or "auto": the newest batch (without batches a fifth of all rows), at
            least ``min_rows`` and at most a third. More would keep from the search the very rows
            that a drift has changed.
        margin: Smallest relative improvement of the loss worth a change, in [0, 1).
        confidence: Of the two-sided interval, in (0.5, 1).
        n_resamples: Bootstrap resamples, at least 100.
        min_rows: Fewer labelled rows than this decide nothing.
        seed: The same seed gives the same verdict.
        refit: Let the model that serves learn from these rows too, once the gate has passed the
            same configuration without them.
        slices: Columns whose values (numbers: quarters) are slices that must not suffer.
        max_slice_loss: Greatest relative growth of the loss on a slice; only what is clear of the
            noise of all slices together counts.
        min_slice_rows: Slices with fewer labelled rows are not compared.
        max_latency_us_per_row: Slower models are refused, in millionths of a second; None = no
            limit.
        max_model_size_kb: Larger models are refused; None = no limit.
        max_overshoot: How far predictions of a regression may lie outside the labels seen, in
            units of the labels' range; None = no limit.
        mode: What happens to a challenger that passed: ``automatic`` promotes it; ``approval``
            lets it wait for ``driftune approve``; ``shadow`` scores it beside the champion on
            further batches, and those decide.
        shadow_batches: How many labelled batches ``shadow`` waits for.

    Raises:
        UsageError: a setting out of its range.

    The third challenger of this seeded stream, 3 % better, is the first to pass:

    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> y = rng.normal(100, 20, size=2000)
    >>> error = rng.normal(0, 10, size=2000)
    >>> challengers = [y + factor * error for factor in (1.02, 0.995, 0.97)]
    >>> gate = Gate()
    >>> [gate.judge(y, c, y + error, metric="rmse").promoted for c in challengers]
    [False, False, True]
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    holdout: str | float = "auto"
    margin: float = 0.01
    confidence: float = 0.95
    n_resamples: int = 2000
    min_rows: int = 100
    seed: int = 0
    refit: bool = True
    slices: tuple[str, ...] = ()
    max_slice_loss: float = 0.1
    min_slice_rows: int = 100
    max_latency_us_per_row: float | None = 10_000
    max_model_size_kb: float | None = 1_000_000
    max_overshoot: float | None = 1.0
    mode: Literal["automatic", "approval", "shadow"] = "automatic"
    shadow_batches: int = 3

    def __post_init__(self) -> None:
        """Refuse settings that cannot be meant."""
        _hold("margin", self.margin, 0 <= self.margin < 1, "in [0, 1)")
        _hold("confidence", self.confidence, 0.5 < self.confidence < 1, "in (0.5, 1)")
        _hold("n_resamples", self.n_resamples, self.n_resamples >= 100, "at least 100")
        _hold("max_slice_loss", self.max_slice_loss, self.max_slice_loss >= 0, "0 or more")
        for name in ("min_rows", "min_slice_rows"):
            _hold(name, getattr(self, name), getattr(self, name) >= 2, "at least 2")
        for name in ("max_latency_us_per_row", "max_model_size_kb", "max_overshoot"):
            limit = getattr(self, name)
            _hold(name, limit, limit is None or limit > 0, "above 0, or null for no limit")
        modes = ("automatic", "approval", "shadow")
        _hold("mode", self.mode, self.mode in modes, f"one of {', '.join(modes)}")
        _hold("shadow_batches", self.shadow_batches, self.shadow_batches >= 1, "at least 1")
        if isinstance(self.holdout, str):
            if self.holdout != "auto":
                _duration(self.holdout)
        else:
            share = 0 < self.holdout <= 0.5
            _hold("holdout", self.holdout, share, "in (0, 0.5], or a duration like '7d'")

    @property
    def limits(self) -> Limits:
        """The limits of sanity."""
        return Limits(self.max_latency_us_per_row, self.max_model_size_kb, self.max_overshoot)

    def holdout_rows(self, times: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return True for the rows (n,) kept from the search: the newest ones.

        Rows of one instant stay together, so no instant is on both sides; a share may therefore
        keep a little more than it says.

        Args:
            times: When each row happened, in any order, no missing values: time stamps, or with
                a share also numbers.

        Raises:
            DataError: no rows, or the holdout would leave no row to the search.
        """
        when = np.asarray(times)
        if len(when) == 0:
            raise DataError("There are no rows to hold out.")
        if isinstance(self.holdout, str) and self.holdout != "auto":
            if when.dtype.kind not in "MO":
                raise DataError(f"gate.holdout = {self.holdout!r} needs times, not {when.dtype}.")
            span = _duration(self.holdout)  # a nanosecond stamp takes no plain timedelta
            held = when > when.max() - (np.timedelta64(span) if when.dtype.kind == "M" else span)
        else:
            share = MOST_HELD if isinstance(self.holdout, str) else self.holdout
            kept = max(1, round(share * len(when)))
            held = when >= np.sort(when)[len(when) - kept]
        if held.all():
            raise DataError(
                f"gate.holdout = {self.holdout!r} would keep all {len(when)} rows from the search."
            )
        return np.asarray(held, dtype=np.bool_)

    def judge(
        self,
        y: npt.ArrayLike,
        challenger: npt.ArrayLike,
        champion: npt.ArrayLike | None = None,
        *,
        metric: str | Metric,
        champion_name: str = "the champion",
        unit: str = "",
        guards: Guards = NO_GUARDS,
    ) -> Verdict:
        """Judge a challenger on fresh rows.

        Without a champion, or with one whose predictions are of no use, the challenger must beat
        a constant (mean, median for mae, class shares): of ``guards.learned``, else the best one of
        these very rows. There is no margin then.

        Args:
            y: Targets (n,) in time order; rows with a missing label are left out.
            challenger: Its predictions, see `driftune.metrics`; anything not finite is a refusal.
            champion: Predictions of the model in service on the same rows.
            metric: Name, or the metric itself.
            champion_name: How the reason calls the champion ("version 3").
            unit: Of the metric, for the reason ("min").
            guards: What else is to be looked at: slices, the champion before, size and speed.

        Raises:
            DataError: unequal lengths, or text where numbers belong.
        """
        rows = align(y, challenger, champion, guards)
        names = Names(champion_name, guards.previous_name, unit)
        found = get_metric(metric) if isinstance(metric, str) else metric
        return Comparison(self, rows, found, guards.traits, names).verdict()


def _hold(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise UsageError(f"gate.{name} is {value!r}; it must be {allowed}.")


def _duration(text: str) -> timedelta:
    """Return a duration like '7d', '36h' or '2w', above zero."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([hdw])\s*", text)
    if match is None or float(match[1]) == 0:
        raise UsageError(f"gate.holdout is {text!r}; write hours, days or weeks like '7d'.")
    unit = {"h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: float(match[1])})
