"""``plan_budget``: from pilots to advice. How to spend ten minutes, and would more be worth it?

The steps: a learning curve through the best pilot of each size, a cost model through all of them,
a curve of what more trials bring; then every ladder of rungs that the rows allow is priced, and the
one with the least expected loss is chosen, the simplest of those that noise cannot tell apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftune.errors import DataError, InsufficientPoints, UsageError
from driftune.scaling.advise.advice import Advice, Alternative, Compute
from driftune.scaling.advise.allocation import allocate
from driftune.scaling.advise.outlook import Outlook, typical_cost
from driftune.scaling.advise.purchase import judge_purchase
from driftune.scaling.advise.ranking import worth_in_trials
from driftune.scaling.advise.rungs import plan_rungs, rung_parts
from driftune.scaling.curves.learning_curve import fit_learning_curve
from driftune.scaling.curves.observation import check_points, envelope
from driftune.scaling.curves.trials import FEWEST, TrialsCurve, fit_trials_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.purchase import Purchase
    from driftune.scaling.curves.learning_curve import LearningCurve
    from driftune.scaling.curves.observation import Observation

RACING = 0.6  # of the folds of a study that are fitted where trials race over them
FINAL_FITS = 2  # after the search: the model that is judged, and the one that serves
LEAST_RESERVE, MOST_RESERVE = 0.05, 0.25  # of the budget, for those fits
FEWEST_TRIALS = 10  # on all rows; with fewer, part of the rows is considered
SIZES = 6  # the largest sizes of pilots; smaller ones are not yet on the curve
SLOWEST = 0.5  # exponent of what trials bring: a dozen pilots say little about hundreds of trials
GUESS = (0.1, 0.75)  # share of the loss and exponent of what trials bring, where few were made


@dataclass(frozen=True)
class Wish:
    """What is to be planned.

    Attributes:
        seconds: The whole budget.
        spent: What the pilots took of it.
        rows: Training rows of a fold with all rows of the table.
        table_rows: Labelled rows of the table.
        max_rows: Rows of the table that may be used.
        more: Further rows that could be had.
        row_cost: Price of one of them.
        training_cost: Price of the training that they need.
        value_per_unit_loss: Worth of one unit of loss, in the same currency.
        min_gain: Least share of the loss that is worth anything.
        rarest: Share of the rarest class.
    """

    seconds: float
    spent: float
    rows: int
    table_rows: int
    max_rows: int
    more: int
    row_cost: float = 0.0
    training_cost: float = 0.0
    value_per_unit_loss: float | None = None
    min_gain: float = 0.0
    rarest: float = 1.0

    @property
    def scale(self) -> float:
        """Rows of the table for each training row of a fold."""
        return self.table_rows / self.rows

    @property
    def usable(self) -> int:
        """Training rows of a fold that may be used."""
        return max(1, round(min(self.max_rows, self.table_rows) / self.scale))


def plan_budget(  # noqa: PLR0913 - keyword-only, each one number that the user knows
    points: Sequence[Observation],
    *,
    seconds: float,
    rows: int,
    table_rows: int | None = None,
    spent: float = 0.0,
    max_rows: int | None = None,
    more_rows: int | None = None,
    row_cost: float = 0.0,
    training_cost: float = 0.0,
    value_per_unit_loss: float | None = None,
    min_gain: float = 0.0,
    rarest: float = 1.0,
    noise: float | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Advice:
    """Say how to spend a budget of seconds on a table, from pilots on part of its rows.

    Args:
        points: The pilots: per configuration (``config_id``) and number of training rows the loss,
            the seconds of a trial, best rounds and leaves.
        seconds: The whole budget, pilots included.
        rows: Training rows of a fold with all rows of the table.
        table_rows: Labelled rows of the table; ``None`` for ``rows``.
        spent: Seconds of the budget that the pilots took.
        max_rows: Rows of the table that may be used; ``None`` for all.
        more_rows: Further rows that could be had; ``None`` for as many again.
        row_cost: Price of one of them, in any currency.
        training_cost: Price of the training that new rows need.
        value_per_unit_loss: Worth of one unit of loss, in the same currency.
        min_gain: Least relative gain of the loss that is worth anything, such as 0.01.
        rarest: Share of the rarest class; no rung holds fewer than 50 of it.
        noise: Standard error of the difference between two good configurations; ``None`` for the
            error of the pilots' losses.
        level: Of the intervals, in (0, 1).
        seed: Of the bootstrap.

    Raises:
        UsageError: A number that cannot be meant.
        DataError: No pilot, or one that no curve can go through.

    >>> from driftune.scaling import Observation
    >>> pilots = [
    ...     Observation(n, 1 + 20 * n**-0.5 + k / 50, 0.01, n * k / 5000, 100, 31, config_id=f"{k}")
    ...     for n in (1000, 2000, 4000, 8000) for k in range(1, 13)
    ... ]
    >>> advice = plan_budget(pilots, seconds=600, rows=16_000, spent=60)
    >>> advice.rows_fraction, advice.confidence, advice.more_rows.worth
    (1.0, 'high', True)
    """
    table = table_rows or rows
    wish = Wish(
        seconds, spent, rows, table, min(max_rows or table, table),
        more_rows or (max_rows or table), row_cost, training_cost, value_per_unit_loss, min_gain,
        rarest,
    )  # fmt: skip
    _check(wish, points)
    outlook = replace(_look(points, wish, level, seed), paired_error=noise)
    return _advise(wish, outlook)


def _check(wish: Wish, points: Sequence[Observation]) -> None:
    if not points:
        raise DataError("There is no pilot to plan from.")
    check_points(points)
    for name, value, least in (
        ("seconds", wish.seconds, 0), ("rows", wish.rows, 1), ("max_rows", wish.max_rows, 1),
        ("row_cost", wish.row_cost, 0), ("training_cost", wish.training_cost, 0),
        ("min_gain", wish.min_gain, 0), ("value_per_unit_loss", wish.value_per_unit_loss or 0, 0),
    ):  # fmt: skip
        if not (math.isfinite(value) and value >= least):
            raise UsageError(f"{name} is {value!r}; it must be a number of at least {least}.")
    if wish.seconds <= wish.spent:
        raise UsageError(
            f"The pilots took {wish.spent:.0f} s, all of the budget of {wish.seconds:.0f} s: give"
            " a larger one."
        )


def _look(points: Sequence[Observation], wish: Wish, level: float, seed: int) -> Outlook:
    """Fit everything that the decisions need."""
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
        rows=wish.usable,
    )


def _trials_curve(points: Sequence[Observation]) -> TrialsCurve:
    """What trials bring, as a share of the best loss: from the largest size with enough of them."""
    for rows in sorted({point.rows for point in points}, reverse=True):
        losses = [point.loss for point in points if point.rows == rows]
        if len(losses) >= FEWEST:
            return fit_trials_curve([loss / min(losses) for loss in losses], slowest=SLOWEST)
    scale, exponent = GUESS
    return TrialsCurve(1 - scale, scale, exponent, 0)


def _advise(wish: Wish, outlook: Outlook) -> Advice:
    naive = _naive(wish, outlook)
    rows, why_rows = _choose_rows(wish, outlook)
    outlook = replace(outlook, rows=rows)
    seconds = wish.seconds - wish.spent
    reserve = _reserve(seconds, outlook)
    found = _alternatives(rows, seconds, reserve, wish.rarest, outlook)
    chosen = _simplest(found, outlook.noise(wish.min_gain))
    expected = outlook.expect(chosen.worth)
    compute = _judge_compute(chosen, seconds * (1 - reserve), wish, outlook)
    purchase = _judge_rows(wish, outlook, rows)
    fraction = min(1.0, rows / wish.rows)
    beats = naive.loss - chosen.loss > outlook.noise(wish.min_gain)
    return Advice(
        rows=round(fraction * wish.table_rows),
        rows_fraction=fraction,
        trials=max(1, chosen.rungs[0].configs),
        rungs=chosen.rungs,
        parts=chosen.parts,
        leaves=outlook.leaves(),
        rounds=outlook.round_limit(),
        search_seconds=seconds * (1 - reserve),
        reserve_seconds=seconds * reserve,
        spent_seconds=wish.spent,
        expected=expected,
        naive=naive,
        chosen=chosen,
        alternatives=tuple(found),
        beats_naive=beats,
        more_rows=purchase,
        more_compute=compute,
        confidence=outlook.confidence(),
        reasons=(
            *why_rows,
            _why(chosen, found, outlook, wish),
            _against_naive(chosen, naive, beats, outlook.noise(wish.min_gain)),
            compute.reason,
            *([purchase.reason] if purchase else []),
            *outlook.warnings(),
        ),
        curve=outlook.curve,
        cost=outlook.cost,
        trials_curve=outlook.trials,
    )


def _naive(wish: Wish, outlook: Outlook) -> Alternative:
    """All rows, no racing, as many trials as fit into the whole budget."""
    each = outlook.seconds(wish.usable)
    rungs = plan_rungs(wish.usable, wish.seconds, outlook.seconds, parts=(1,), reserve=0.0)
    worth = max(1.0, wish.seconds / each)
    return Alternative("all rows, as many trials as fit", (1,), rungs, worth, outlook.loss(worth))


def _choose_rows(wish: Wish, outlook: Outlook) -> tuple[int, list[str]]:
    """Take part of the rows only where all of them leave no time to search."""
    rows, seconds = wish.usable, wish.seconds - wish.spent
    affordable = seconds / outlook.seconds(rows)
    if affordable >= FEWEST_TRIALS or outlook.curve is None:
        return rows, []
    scale = outlook.loss(1.0)
    best = allocate(
        seconds * (1 - MOST_RESERVE),
        data=outlook.curve.slope(),
        search=(outlook.trials.scale * scale, outlook.trials.exponent),
        cost=outlook.seconds,
        max_rows=rows,
    )
    if best.rows >= 0.9 * rows:
        return rows, []
    taken = max(outlook.best[0].rows, round(best.rows))
    return taken, [
        f"All rows allow {affordable:.1f} trials in this time; {taken / wish.rows:.0%} of them"
        f" allow {best.trials:.0f}, and what the trials find is worth more than the rows."
    ]


def _reserve(seconds: float, outlook: Outlook) -> float:
    """The share of the budget that fitting the final model takes."""
    final = FINAL_FITS * outlook.seconds(outlook.rows)
    return float(min(MOST_RESERVE, max(LEAST_RESERVE, final / seconds)))


def _alternatives(
    rows: int, seconds: float, reserve: float, rarest: float, outlook: Outlook
) -> list[Alternative]:
    """Price each ladder that the rows allow, from none to the longest."""
    longest = rung_parts(
        rows, break_even=outlook.break_even(), rarest=rarest, forced=True
    )  # whether one pays is for the prices to say
    found = []
    for length in range(1, len(longest) + 1):
        parts = tuple(longest[-length:])
        share = RACING if length == 1 else 1.0
        cost = lambda n, share=share: share * outlook.seconds(n)  # noqa: E731
        rungs = plan_rungs(rows, seconds, cost, parts=parts, reserve=reserve)
        worth = worth_in_trials([rung.configs for rung in rungs], parts)
        if worth >= 1 or length == 1:
            name = "all rows at once" if length == 1 else f"{length} rungs of rows"
            found.append(Alternative(name, parts, rungs, worth, outlook.loss(max(1.0, worth))))
    return found


def _simplest(found: Sequence[Alternative], noise: float) -> Alternative:
    """The first, with the fewest rungs, that is within noise of the best."""
    best = min(one.loss for one in found)
    return next(one for one in found if one.loss <= best + noise)


def _judge_compute(chosen: Alternative, seconds: float, wish: Wish, outlook: Outlook) -> Compute:
    noise = outlook.noise(wish.min_gain)
    worth = max(1.0, chosen.worth)
    gain = outlook.loss(worth) - outlook.loss(2 * worth)
    enough = seconds
    while enough > 1 and outlook.loss(worth * enough / 2 / seconds) - outlook.loss(worth) < noise:
        enough /= 2
    pays = gain > noise
    if pays:
        reason = f"Twice the time would lower the loss by {gain:.2g}, beyond noise ({noise:.2g})."
    else:
        less = "" if enough == seconds else f" About {enough:,.0f} s of search would do as well."
        reason = (
            f"Twice the time would lower the loss by {gain:.2g}, not beyond noise ({noise:.2g})."
            f"{less}"
        )
    return Compute(gain, noise, pays, enough, reason)


def _judge_rows(wish: Wish, outlook: Outlook, rows: int) -> Purchase | None:
    if outlook.curve is None:
        return None
    return judge_purchase(
        outlook.curve,
        noise=outlook.noise(wish.min_gain),
        rows=rows,
        scale=wish.scale,
        more=wish.more,
        row_cost=wish.row_cost,
        training_cost=wish.training_cost,
        value_per_unit_loss=wish.value_per_unit_loss,
    )


def _why(chosen: Alternative, found: Sequence[Alternative], outlook: Outlook, wish: Wish) -> str:
    if len(found) == 1:
        return (
            f"{outlook.rows:,} training rows of a fold are too few to look at a part of them first."
        )
    flat, best = found[0], min(found, key=lambda one: one.loss)
    saved = flat.loss - best.loss
    if saved <= 0:
        return "Rungs of fewer rows do not pay: in the same time they would find nothing better."
    if chosen.parts == (1,):
        return (
            f"Rungs of fewer rows do not pay: the best of them would lower the loss by {saved:.2g},"
            f" not beyond noise ({outlook.noise(wish.min_gain):.2g})."
        )
    return (
        f"{chosen.name}: {chosen.rungs[0].configs} configurations begin on"
        f" {chosen.rungs[0].rows:,} rows, and find as good a one as {chosen.worth:.0f} on all rows;"
        f" {flat.worth:.0f} of those fit into the time."
    )


def _against_naive(chosen: Alternative, naive: Alternative, beats: bool, noise: float) -> str:
    said = (
        f"All rows and as many trials as fit ({naive.rungs[0].configs}) would reach about"
        f" {naive.loss:.4g}, this plan {chosen.loss:.4g}"
    )
    if beats:
        return f"{said}."
    return f"{said}: no difference beyond noise ({noise:.2g}), so it cannot be beaten here."
