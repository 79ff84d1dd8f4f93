"""The gate: is the challenger better than the champion on rows that the search never saw?

A challenger that merely looks better on the rows it was chosen by is promoted nearly always, equal
or not. Here both models predict the same fresh rows, and the relative difference of their losses
gets an interval from a paired circular block bootstrap (see `driftune.paired`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from driftune.errors import DataError, UsageError
from driftune.metrics import FloatArray, Metric, as_floats, get_metric
from driftune.paired import improvement

if TYPE_CHECKING:
    import numpy.typing as npt

    from driftune.resampling import Interval


@dataclass(frozen=True)
class Verdict:
    """What the gate found, ready for ``dataclasses.asdict`` and JSON.

    Args:
        promoted: Whether the challenger may go into service.
        reason: One sentence with the numbers.
        metric: Name of the metric.
        rows: Labelled rows judged on.
        confidence: Of ``improvement``.
        challenger_score: In the metric's natural units; None if it could not be computed.
        champion_score: The same; of the constant prediction when there was no usable champion.
        improvement: Relative: 0.1 = a tenth less loss than the champion, negative = more.
    """

    promoted: bool
    reason: str
    metric: str
    rows: int
    confidence: float
    challenger_score: float | None = None
    champion_score: float | None = None
    improvement: Interval | None = None


@dataclass(frozen=True)
class Gate:
    """The conditions for a promotion; also the section ``gate`` of the problem's YAML.

    Promoted is who shows (1) finite predictions, (2) an improvement whose whole interval is above
    zero, (3) a point of at least ``margin``. An equal challenger passes in at most
    ``(1 - confidence) / 2`` of the cases.

    Args:
        holdout: Newest rows kept from the search: a duration ("36h", "7d", "2w") or a share in
            (0, 0.5].
        margin: Smallest relative improvement of the loss worth a change, in [0, 1).
        confidence: Of the two-sided interval, in (0.5, 1).
        n_resamples: Bootstrap resamples, at least 100.
        min_rows: Fewer labelled rows than this decide nothing.
        seed: The same seed gives the same verdict.

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

    holdout: str | float = 0.2
    margin: float = 0.01
    confidence: float = 0.95
    n_resamples: int = 2000
    min_rows: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that cannot be meant."""
        _hold("margin", self.margin, 0 <= self.margin < 1, "in [0, 1)")
        _hold("confidence", self.confidence, 0.5 < self.confidence < 1, "in (0.5, 1)")
        _hold("n_resamples", self.n_resamples, self.n_resamples >= 100, "at least 100")
        _hold("min_rows", self.min_rows, self.min_rows >= 2, "at least 2")
        if isinstance(self.holdout, str):
            _duration(self.holdout)
        else:
            _hold(
                "holdout",
                self.holdout,
                0 < self.holdout <= 0.5,
                "in (0, 0.5], or a duration like '7d'",
            )

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
        if isinstance(self.holdout, str):
            if when.dtype.kind not in "MO":
                raise DataError(f"gate.holdout = {self.holdout!r} needs times, not {when.dtype}.")
            held = when > when.max() - _duration(self.holdout)
        else:
            kept = max(1, round(self.holdout * len(when)))
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
    ) -> Verdict:
        """Judge a challenger on fresh rows.

        Without a champion, or with one whose predictions are not finite, the challenger must beat
        the best constant of these very rows (mean, median for mae, class shares); no margin then.

        Args:
            y: Targets (n,) in time order; rows with a missing label are left out.
            challenger: Its predictions, see `driftune.metrics`; anything not finite is a refusal.
            champion: Predictions of the model in service on the same rows.
            metric: Name, or the metric itself.
            champion_name: How the reason calls the champion ("version 3").
            unit: Of the metric, for the reason ("min").

        Raises:
            DataError: unequal lengths, or text where numbers belong.
        """
        metric = get_metric(metric) if isinstance(metric, str) else metric
        truth, ours, theirs = _aligned(y, challenger, champion)
        blank = Verdict(False, "", metric.name, len(truth), self.confidence)
        bad = int(np.size(ours) - np.isfinite(ours).sum())
        if bad:
            reason = (
                f"Refused: {bad} of {np.size(ours)} predictions of the challenger are not finite."
            )
            return replace(blank, reason=reason)
        if len(truth) < self.min_rows:
            reason = f"Refused: {len(truth)} labelled rows, gate.min_rows is {self.min_rows}."
            return replace(blank, reason=reason)
        first = theirs is None or not np.isfinite(theirs).all()
        if theirs is None:
            champion_name = "the constant prediction (first model)"
        elif first:
            champion_name = f"the constant prediction ({champion_name} predicts non-finite values)"
        against = _constant(truth, ours, metric) if theirs is None or first else theirs
        try:
            verdict = self._compare(truth, ours, against, metric, blank)
        except DataError as error:  # the metric is undefined on these rows: no proof, no promotion
            return replace(blank, reason=f"Refused: {error}")
        promoted, why = _conclude(verdict.improvement, margin=0 if first else self.margin)
        verdict = replace(verdict, promoted=promoted)
        return replace(verdict, reason=_sentence(verdict, why, champion_name, unit))

    def _compare(
        self, y: FloatArray, ours: FloatArray, theirs: FloatArray, metric: Metric, blank: Verdict
    ) -> Verdict:
        """Return the verdict's numbers from one set of draws for both models."""
        gain = improvement(
            y,
            theirs,
            ours,
            metric=metric,
            confidence=self.confidence,
            n_resamples=self.n_resamples,
            seed=self.seed,
        )
        return replace(
            blank,
            challenger_score=metric.score(y, ours),
            champion_score=metric.score(y, theirs),
            improvement=gain,
        )


def _conclude(gain: Interval | None, *, margin: float) -> tuple[bool, str]:
    """Return whether the numbers suffice and which condition said so."""
    assert gain is not None
    if gain.low <= 0:
        return False, "the interval does not clear zero"
    if gain.value < margin:
        return False, f"less than the margin of {margin:.1%}"
    return True, "clear of zero" + (f" and of the margin of {margin:.1%}" if margin else "")


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


def _aligned(
    y: npt.ArrayLike, challenger: npt.ArrayLike, champion: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return the three as floats on the labelled rows."""
    truth = as_floats(y, "targets").ravel()
    labelled = ~np.isnan(truth)
    found: list[Any] = []
    for name, values in (("challenger", challenger), ("champion", champion)):
        if values is None:
            found.append(None)
            continue
        prediction = as_floats(values, f"predictions of the {name}")
        if len(prediction) != len(truth):
            raise DataError(
                f"The {name} has {len(prediction)} predictions for {len(truth)} targets."
            )
        found.append(prediction[labelled])
    return truth[labelled], found[0], found[1]


def _constant(y: FloatArray, like: FloatArray, metric: Metric) -> FloatArray:
    """Return the best constant prediction for these rows, in the shape of ``like``."""
    if not metric.needs_probability:
        best = float(np.median(y) if metric.name == "mae" else y.mean())
        return np.full(len(y), best)
    if like.ndim == 1:
        return np.full(len(y), min(max(float(y.mean()), 0.0), 1.0))
    shares = np.array([float((y == label).mean()) for label in range(like.shape[1])])
    return np.tile(shares, (len(y), 1))


def _sentence(verdict: Verdict, why: str, champion_name: str, unit: str) -> str:
    """Write the reason in one sentence."""
    gain = verdict.improvement
    assert gain is not None
    unit = f" {unit}" if unit else ""
    direction = "less" if gain.value >= 0 else "more"
    return (
        f"{'Promoted' if verdict.promoted else 'Refused'}: {verdict.metric} "
        f"{verdict.challenger_score:.4g}{unit} against {verdict.champion_score:.4g}{unit} of "
        f"{champion_name} on {verdict.rows:,} fresh rows, {abs(gain.value):.1%} {direction} loss "
        f"({verdict.confidence:.0%} interval of the gain {gain.low:.1%} to {gain.high:.1%}), {why}."
    )
