"""The ways to spend a budget: all rows at once, or rungs of rows; and how many rows at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftune.scaling.advise.advice import Alternative
from driftune.scaling.advise.allocation import allocate
from driftune.scaling.advise.ranking import worth_in_trials
from driftune.scaling.advise.rungs import plan_rungs, rung_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.outlook import Outlook
    from driftune.scaling.advise.wish import Wish

RACING = 0.6  # of the folds of a study that are fitted where trials race over them
FINAL_FITS = 1.5  # trials' worth: the model that is judged, and the one that serves
LEAST_RESERVE, MOST_RESERVE = 0.05, 0.25  # of the budget, for those fits
FEWEST_TRIALS = 10  # on all rows; with fewer, part of the rows is considered


def naive_way(wish: Wish, outlook: Outlook) -> Alternative:
    """All rows, no racing, as many trials as fit into the whole budget."""
    each = outlook.seconds(wish.usable)
    rungs = plan_rungs(wish.usable, wish.seconds, outlook.seconds, parts=(1,), reserve=0.0)
    worth = max(1.0, wish.seconds / each)
    return Alternative("all rows, as many trials as fit", (1,), rungs, worth, outlook.loss(worth))


def choose_rows(wish: Wish, outlook: Outlook) -> tuple[int, list[str]]:
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
    taken = max(outlook.best[0].rows, round(best.rows))
    saved = outlook.loss(affordable) - replace(outlook, rows=taken).loss(best.trials)
    fits = affordable * (1 - MOST_RESERVE) >= 1
    if taken >= rows or (fits and saved <= outlook.threshold(wish.min_gain).value):
        return rows, []
    return taken, [
        f"All rows allow {affordable:.1f} trials in this time; {taken / wish.rows:.0%} of them"
        f" allow {best.trials:.0f}, and what the trials find is worth more than the rows."
        " The study takes them as `budget.max_rows` does, with folds of their own: expect its score"
        " to differ by that."
    ]


def reserve_for(seconds: float, outlook: Outlook) -> float:
    """The share of the budget that fitting the final model takes."""
    final = FINAL_FITS * outlook.seconds(outlook.rows)
    return float(min(MOST_RESERVE, max(LEAST_RESERVE, final / seconds)))


def possible_parts(rows: int, rarest: float, outlook: Outlook) -> list[int]:
    """The longest ladder that so many rows allow; whether it pays is for the prices to say."""
    return rung_parts(rows, break_even=outlook.break_even(), rarest=rarest, forced=True)


def price_ways(
    longest: Sequence[int], rows: int, seconds: float, outlook: Outlook
) -> list[Alternative]:
    """Price each ladder, from all rows at once to the longest; without those nobody climbs."""
    found = []
    for length in range(1, len(longest) + 1):
        parts = tuple(longest[-length:])
        share = RACING if length == 1 else 1.0
        cost = lambda n, share=share: share * outlook.seconds(n)  # noqa: E731
        rungs = plan_rungs(rows, seconds, cost, parts=parts, reserve=0.0)
        worth = worth_in_trials([rung.configs for rung in rungs], parts)
        if worth >= 1 or length == 1:
            name = "all rows at once" if length == 1 else f"{length} rungs of rows"
            found.append(Alternative(name, parts, rungs, worth, outlook.loss(max(1.0, worth))))
    return found


def simplest(found: Sequence[Alternative], noise: float) -> Alternative:
    """The first, with the fewest rungs, that is within noise of the best."""
    best = min(one.loss for one in found)
    return next(one for one in found if one.loss <= best + noise)
