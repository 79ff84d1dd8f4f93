"""One challenger before the gate: what is measured, and which condition decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError
from driftune.paired import improvement
from driftune.promotion.slices import judge_slices, worse_slices
from driftune.promotion.verdict import Verdict, in_words, write_reason

if TYPE_CHECKING:
    from driftune.metrics import FloatArray, Metric
    from driftune.promotion.gate import Gate
    from driftune.promotion.limits import Traits
    from driftune.promotion.rows import Rows
    from driftune.resampling import Interval

MOST_SLICES = 10  # kept in the verdict


@dataclass(frozen=True)
class Names:
    """How the reason calls things.

    Args:
        champion: "version 3".
        previous: "version 2".
        unit: Of the metric, "min"; empty where it has none.
    """

    champion: str
    previous: str
    unit: str


@dataclass(frozen=True)
class Comparison:
    """A challenger, those it is compared with, and the gate's conditions.

    Args:
        gate: The conditions.
        rows: Labels and predictions.
        metric: What is compared.
        traits: Size and speed of the challenger, range of the labels.
        names: For the reason.
    """

    gate: Gate
    rows: Rows
    metric: Metric
    traits: Traits
    names: Names

    def verdict(self) -> Verdict:
        """Judge; a metric that is undefined on these rows is no proof, so no promotion."""
        count = len(self.rows.y)
        blank = Verdict(False, "", self.metric.name, count, self.gate.confidence)
        fault = self._fault()
        if fault is None and count < self.gate.min_rows:
            fault = f"{count} labelled rows, gate.min_rows is {self.gate.min_rows}"
        if fault:
            return replace(blank, reason=f"Refused: {fault}.")
        try:
            verdict = self._measure(blank)
            promoted, why = self._conclude(verdict)
        except DataError as error:
            return replace(blank, reason=f"Refused: {error}")
        verdict = replace(verdict, promoted=promoted)
        reason = write_reason(verdict, why, self._opponent(), self.names.unit)
        return replace(verdict, reason=reason)

    @property
    def _champion(self) -> FloatArray | None:
        """The champion's predictions; None when there is none, or they are of no use."""
        theirs = self.rows.champion
        return theirs if theirs is not None and self._usable(theirs) else None

    def _opponent(self) -> str:
        if self.rows.champion is None:
            return "the constant prediction (first model)"
        if self._champion is None:
            return f"the constant prediction ({self.names.champion} predicts nothing usable)"
        return self.names.champion

    def _fault(self) -> str | None:
        """Say what makes the challenger unfit to serve, however good it is."""
        limits, rows = self.gate.limits, self.rows
        fault = limits.find_fault(rows.challenger, self.traits, "the challenger")
        if fault is None and rows.serving is not None:
            fault = limits.find_fault(rows.serving, self.traits, "the model that would serve")
        return fault

    def _measure(self, blank: Verdict) -> Verdict:
        """Return the verdict's numbers; a first model has nobody to be compared with in slices."""
        theirs = self._champion
        if theirs is None:
            known = self.rows.y if self.rows.learned is None else self.rows.learned
            constant = _constant(known, self.rows.challenger, self.metric)
            return self._score(blank, constant)
        slices = judge_slices(
            self.rows.y, theirs, self.rows.challenger, self.rows.slices,
            metric=self.metric, confidence=self.gate.confidence,
            min_rows=self.gate.min_slice_rows, seed=self.gate.seed,
        )  # fmt: skip
        previous, over_previous = self.rows.previous, None
        if previous is not None and self._usable(previous):
            over_previous = self._gain(previous, self.rows.challenger)
        return replace(
            self._score(blank, theirs),
            over_previous=over_previous,
            previous_is_better=over_previous is not None and self._is_loss(over_previous),
            slices=tuple(slices[:MOST_SLICES]),
            slices_judged=len(slices),
        )

    def _score(self, blank: Verdict, theirs: FloatArray) -> Verdict:
        return replace(
            blank,
            challenger_score=self.metric.score(self.rows.y, self.rows.challenger),
            champion_score=self.metric.score(self.rows.y, theirs),
            improvement=self._gain(theirs, self.rows.challenger),
        )

    def _conclude(self, verdict: Verdict) -> tuple[bool, str]:
        """Return whether the numbers suffice and which condition said so."""
        gain, margin = verdict.improvement, self.gate.margin if self._champion is not None else 0.0
        assert gain is not None
        if gain.low <= 0:
            return False, "the interval does not clear zero"
        if gain.value < margin:
            return False, f"less than the margin of {margin:.1%}"
        harm = (
            self._harm_in_slices(verdict) or self._harm_to_previous(verdict) or self._refit_harm()
        )
        if harm:
            return False, f"but {harm}"
        return True, "clear of zero" + (f" and of the margin of {margin:.1%}" if margin else "")

    def _harm_in_slices(self, verdict: Verdict) -> str | None:
        """Say on which rows a challenger that is better on the whole would be much worse."""
        worse = worse_slices(verdict.slices, self.gate.max_slice_loss)
        if not worse:
            return None
        more = f" and {len(worse) - 1} more slices" if len(worse) > 1 else ""
        return (
            f"{in_words(worse[0].improvement)} on the {worse[0].rows:,} rows with"
            f" {worse[0].name}{more} (gate.max_slice_loss is {self.gate.max_slice_loss:.1%})"
        )

    def _harm_to_previous(self, verdict: Verdict) -> str | None:
        """Say whether the champion before this one would serve better."""
        gain = verdict.over_previous
        if gain is None or not verdict.previous_is_better:
            return None
        return (
            f"{in_words(gain)} than {self.names.previous}, which served before"
            f" (interval of the gain {gain.low:.1%} to {gain.high:.1%})"
        )

    def _refit_harm(self) -> str | None:
        """Say whether the second fit went wrong: worse on rows that it could even learn."""
        if self.rows.serving is None:
            return None
        gain = self._gain(self.rows.challenger, self.rows.serving)
        if not self._is_loss(gain):
            return None
        return f"fitted again with these rows it has {in_words(gain)} on them than without"

    def _gain(self, theirs: FloatArray, ours: FloatArray) -> Interval:
        gate = self.gate
        return improvement(
            self.rows.y, theirs, ours,
            metric=self.metric, confidence=gate.confidence, n_resamples=gate.n_resamples,
            seed=gate.seed,
        )  # fmt: skip

    def _is_loss(self, gain: Interval) -> bool:
        """Whether a gain is a loss: clear of noise, and by the margin at least."""
        return gain.high < 0 and gain.value <= -self.gate.margin

    def _usable(self, prediction: FloatArray) -> bool:
        """Whether predictions of an earlier model can be scored at all."""
        try:
            self.metric.check(self.rows.y, prediction)
        except DataError:
            return False
        return True


def _constant(y: FloatArray, like: FloatArray, metric: Metric) -> FloatArray:
    """Return the best constant prediction for labels ``y``, in the shape of ``like``."""
    if not metric.needs_probability:
        best = float(np.median(y) if metric.name == "mae" else y.mean())
        return np.full(len(like), best)
    if like.ndim == 1:
        return np.full(len(like), min(max(float(y.mean()), 0.0), 1.0))
    shares = np.array([float((y == label).mean()) for label in range(like.shape[1])])
    return np.tile(shares, (len(like), 1))
