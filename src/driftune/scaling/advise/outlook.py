"""What pilots say about all rows: loss, seconds, noise, and how far to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import InsufficientPoints
from driftune.scaling.advise.rungs import ROWS_PER_LEAF
from driftune.scaling.advise.threshold import Threshold
from driftune.scaling.curves.cost import CostModel, fit_cost
from driftune.scaling.curves.learning_curve import fit_learning_curve
from driftune.scaling.curves.observation import envelope
from driftune.scaling.curves.prediction import Prediction
from driftune.scaling.curves.rounds import growth_exponent
from driftune.scaling.curves.trials import FEWEST, TrialsCurve, fit_trials_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.advice import Confidence
    from driftune.scaling.curves.learning_curve import LearningCurve
    from driftune.scaling.curves.observation import Observation

BELIEVABLE = (300.0, 3000.0)  # what is taken from pilots as it is
WORSE = 0.1  # median relative error by which the usual ratio may fit worse than what was measured
SIZES = 6  # the largest sizes of pilots; smaller ones are not yet on the curve
SLOWEST = 0.5  # exponent of what trials bring: a dozen pilots say little about hundreds of trials
GUESS = (0.1, 0.75)  # share of the loss and exponent of what trials bring, where few were made
LEAST_NOISE = 1e-3  # of the loss: two pilots that predict alike do not make a measurement exact
STEEPEST = 0.25  # least exponent of the fall that an outlook without a curve allows for
PROPOSAL = 0.25  # seconds of a trial beside its fits: to choose a configuration, and to store it
LONGER = 1.5  # times the rounds that are expected: a limit should not bind
DOUBT = 1.0  # by how much the gain of further trials may be missed, as a share of it


@dataclass(frozen=True)
class Outlook:
    """Everything that was fitted, and what it says at a number of training rows of a fold.

    Attributes:
        points: The pilots.
        best: The best of each size.
        curve: Loss against rows; ``None`` with ``refusal``, why.
        refusal: See there.
        trials: Share of the loss against trials.
        cost: Seconds of a trial.
        rows: The number of rows in question.
        paired_error: Standard error of the difference between two good configurations.
    """

    points: tuple[Observation, ...]
    best: tuple[Observation, ...]
    curve: LearningCurve | None
    refusal: str
    trials: TrialsCurve
    cost: CostModel
    rows: int
    paired_error: float | None = None

    def seconds(self, rows: float) -> float:
        """Expected seconds of one trial: of all pilots' configurations the mean, and a proposal."""
        largest = {point.config_id: point for point in sorted(self.points, key=lambda p: p.rows)}
        each = [
            self.cost.seconds(
                rows, (point.rounds or 1) * (rows / point.rows) ** self._rho, point.leaves or 1
            )
            for point in largest.values()
        ]
        return PROPOSAL + float(np.mean(each))

    def break_even(self) -> float:
        """Rows from which the cost of a trial grows with the rows."""
        leaves = float(np.median([point.leaves or 1 for point in self.points]))
        return min(self.cost.break_even(leaves), self.rows)

    def loss(self, trials: float) -> float:
        """Expected loss of the best of so many trials on :attr:`rows` rows."""
        return self._at.loss * (1 - self._searched(trials))

    def expect(self, trials: float) -> Prediction:
        """Expected loss of the best of so many trials, with its interval.

        The interval is that of the curve, from no gain of the further trials to twice the expected;
        and the best of many trials has had luck with its folds, ``sqrt(2 ln K)`` standard errors of
        a difference at most.
        """
        at, gain = self._at, self._searched(trials)
        ends = sorted((gain * (1 - DOUBT), gain * (1 + DOUBT)))
        loss, low = at.loss * (1 - gain), at.low * (1 - ends[1])
        luck = (self.paired_error or 0.0) * math.sqrt(2 * math.log(max(1.0, trials)))
        least = loss - math.hypot(loss - low, luck)
        return Prediction(loss, max(0.0, least), at.high * (1 - ends[0]))

    def threshold(self, min_gain: float) -> Threshold:
        """What a difference of losses must exceed.

        The error of a difference between good configurations, where that is known, else the error
        of the pilots; or what is asked.
        """
        noise = self.paired_error
        if noise is None:
            noise = self.curve.se if self.curve is not None else (self.best[-1].se or 0.0)
        noise = max(noise, LEAST_NOISE * self._at.loss)
        asked = min_gain * self._at.loss
        if asked > noise:
            return Threshold(asked, "the least gain that counts")
        return Threshold(noise, "noise")

    def confidence(self) -> Confidence:
        """How far to lean on the plan: that of the curve; no more than medium on a guess."""
        if self.curve is None:
            return "low"
        found = self.curve.confidence(self.rows)
        return "medium" if found == "high" and not self.trials.trials else found

    def warnings(self) -> list[str]:
        """What a reader should know, one sentence each."""
        if self.curve is None:
            return [
                f"No learning curve, and so no word of more rows. {self.refusal} {self._reach()}"
            ]
        found = [said for said in self.curve.warnings() if said not in self.curve.refused]
        ratio = self.curve.extrapolation(self.rows)
        if ratio > 4:
            found.append(
                f"The curve is drawn out {ratio:.1f} times beyond the largest pilot: a larger"
                " budget lets the pilots go further."
            )
        if not self.trials.trials:
            found.append("What more trials bring is a guess: too few pilots were made on one size.")
        return found

    def _reach(self) -> str:
        """How far the pilots came, and what would take them further."""
        last = self.best[-1].rows
        if last >= self.rows:
            return "The table is too small for one."
        return (
            f"The pilots reached {last:,} of {self.rows:,} rows of a fold: give them more time"
            " (--pilots, --budget)."
        )

    def leaves(self) -> tuple[int, int] | None:
        """The leaves of the pilots that are within noise of the best, twice as far each way."""
        good = [
            point.leaves
            for best in self.best[-2:]
            for point in self.points
            if point.leaves is not None
            and point.leaves > 1
            and point.rows == best.rows
            and point.loss <= best.loss + 2 * (best.se or 0.0)
        ]
        return (max(2, min(good) // 2), 2 * max(good)) if good else None

    def round_limit(self) -> int | None:
        """Rounds that a fit on all rows should be allowed."""
        best = self.best[-1]
        if (best.rounds or 1) <= 1:
            return None
        grown = float((self.rows / best.rows) ** self._rho)
        return math.ceil(LONGER * (best.rounds or 1) * grown)

    @cached_property
    def _rho(self) -> float:
        """By which power of the rows the rounds grow."""
        return growth_exponent(self.points)

    @cached_property
    def _at(self) -> Prediction:
        """The loss of the best pilot's kind on :attr:`rows` rows.

        Without a curve anything between the last pilot and what the sizes promise at best.
        """
        if self.curve is not None:
            return self.curve.predict(self.rows)
        last = self.best[-1]
        error = 2 * max(last.se or 0.05 * last.loss, self.paired_error or 0.0)
        least = last.loss
        if self.rows > last.rows:
            # without a floor, as steeply as it ever fell: more can hardly come of more rows
            fell = [
                math.log(one.loss / two.loss) / math.log(two.rows / one.rows)
                for one, two in pairwise(self.best)
            ]
            least = last.loss * (self.rows / last.rows) ** -max(STEEPEST, *fell, 0.0)
        middle = math.sqrt(least * last.loss)
        return Prediction(middle, max(0.0, least - error), last.loss + error)

    def _searched(self, trials: float) -> float:
        """Share of the loss that so many trials save, beside as many as there were pilots."""
        made = len({point.config_id for point in self.points})
        return self.trials.gain(made, max(1.0, trials))


def look(
    points: Sequence[Observation],
    rows: int,
    *,
    noise: float | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Outlook:
    """Fit everything that decisions need.

    Args:
        points: The pilots.
        rows: Training rows of a fold that may be used.
        noise: Standard error of the difference between two good configurations, where known.
        level: Of the intervals.
        seed: Of the bootstrap.
    """
    best = envelope(points)[-SIZES:]
    curve: LearningCurve | None
    try:
        curve, refusal = fit_learning_curve(best, level=level, seed=seed), ""
    except InsufficientPoints as error:
        curve, refusal = None, str(error)
    return Outlook(
        points=tuple(points),
        best=tuple(best),
        curve=curve,
        refusal=refusal,
        trials=_trials_curve(points),
        cost=typical_cost(points),
        rows=rows,
        paired_error=noise,
    )


def _trials_curve(points: Sequence[Observation]) -> TrialsCurve:
    """What trials bring, as a share of the best loss: from the largest size with enough of them."""
    for rows in sorted({point.rows for point in points}, reverse=True):
        losses = [point.loss for point in points if point.rows == rows]
        if len(losses) >= FEWEST:
            return fit_trials_curve([loss / min(losses) for loss in losses], slowest=SLOWEST)
    scale, exponent = GUESS
    return TrialsCurve(1 - scale, scale, exponent, 0)


def typical_cost(points: Sequence[Observation]) -> CostModel:
    """Fit the cost of a trial; rows and leaves in the usual ratio where pilots cannot tell.

    Cheap pilots have few leaves, so that what a leaf costs is hardly seen. A ratio far from all
    that was measured elsewhere is replaced where that fits the pilots as well.
    """
    known = [replace(p, rounds=p.rounds or 1, leaves=p.leaves or 1) for p in points if p.seconds]
    if len(known) < 3:
        mean = float(np.mean([p.seconds for p in known])) if known else 1.0
        return CostModel(mean, 0.0, 0.0, 1.0)
    cost = fit_cost(known)
    ratio = cost.c2 / cost.c1 if cost.c1 > 0 else math.inf
    if BELIEVABLE[0] <= ratio <= BELIEVABLE[1]:
        return _level(cost, known)
    # one constant less: every leaf counts as so many rows
    counted = [replace(p, rows=p.rows + ROWS_PER_LEAF * (p.leaves or 1), leaves=0) for p in known]
    found = fit_cost(counted)
    if found.error > cost.error + WORSE:  # the pilots do tell
        return _level(cost, known)
    return _level(CostModel(found.c0, found.c1, found.c1 * ROWS_PER_LEAF, found.error), known)


def _level(cost: CostModel, points: Sequence[Observation]) -> CostModel:
    """Scale a cost model to what the largest pilots took: they are the nearest to all rows.

    A least relative error lies below the middle where some fits take much longer than others, as
    they do on a machine that does other work too.
    """
    sizes = sorted({point.rows for point in points})[-2:]
    ratios = [
        (p.seconds or 0.0) / max(1e-9, cost.seconds(p.rows, p.rounds or 1, p.leaves or 1))
        for p in points
        if p.rows in sizes
    ]
    by = float(np.median(ratios))
    return CostModel(cost.c0 * by, cost.c1 * by, cost.c2 * by, cost.error)
