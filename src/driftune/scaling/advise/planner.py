"""``plan_budget``: from pilots to advice. How to spend ten minutes, and would more be worth it?

The steps: a learning curve through the best pilot of each size, a cost model through all of them,
a curve of what more trials bring; then every ladder of rungs that the rows allow is priced, and the
one with the least expected loss is chosen, the simplest of those that noise cannot tell apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftune.errors import DataError
from driftune.scaling.advise.advice import Advice
from driftune.scaling.advise.compute import judge_compute
from driftune.scaling.advise.outlook import Outlook, look
from driftune.scaling.advise.purchase import judge_purchase
from driftune.scaling.advise.reasons import compare_with_naive, explain_rungs
from driftune.scaling.advise.ways import (
    choose_rows,
    naive_way,
    possible_parts,
    price_ways,
    reserve_for,
    simplest,
)
from driftune.scaling.advise.wish import Wish
from driftune.scaling.curves.observation import check_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.advise.purchase import Purchase
    from driftune.scaling.advise.selection import Selection
    from driftune.scaling.advise.threshold import Threshold
    from driftune.scaling.curves.observation import Observation


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
    selection: Selection | None = None,
    limited: bool = False,
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
        selection: What a pilot said of a choice of rows.
        limited: Whether the table is part of a larger one, which a study must be told.
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
    if not points:
        raise DataError("There is no pilot to plan from.")
    check_points(points)
    advice = _advise(wish, look(points, wish.usable, noise=noise, level=level, seed=seed))
    if selection is not None:
        advice = replace(advice, selection=selection, reasons=(*advice.reasons, selection.reason))
    return replace(advice, limited=limited)


def _advise(wish: Wish, outlook: Outlook) -> Advice:
    naive = naive_way(wish, outlook)
    rows, why_rows = choose_rows(wish, outlook)
    outlook = replace(outlook, rows=rows)
    limit = outlook.threshold(wish.min_gain)
    seconds = wish.seconds - wish.spent
    reserve = reserve_for(seconds, outlook)
    parts = possible_parts(rows, wish.rarest, outlook)
    found = price_ways(parts, rows, seconds * (1 - reserve), outlook)
    chosen = simplest(found, limit.value)
    compute = judge_compute(max(1.0, chosen.worth), seconds * (1 - reserve), limit, outlook)
    purchase = _judge_rows(wish, outlook, limit)
    fraction = min(1.0, rows / wish.rows)
    beats = naive.loss - chosen.loss > limit.value
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
        expected=outlook.expect(chosen.worth),
        naive=naive,
        chosen=chosen,
        alternatives=tuple(found),
        beats_naive=beats,
        more_rows=purchase,
        more_compute=compute,
        confidence=outlook.confidence(),
        reasons=(
            *why_rows,
            explain_rungs(chosen, found, limit, possible=len(parts) > 1),
            compare_with_naive(chosen, naive, limit),
            compute.reason,
            *([purchase.reason] if purchase else []),
            *outlook.warnings(),
        ),
        curve=outlook.curve,
        cost=outlook.cost,
        trials_curve=outlook.trials,
    )


def _judge_rows(wish: Wish, outlook: Outlook, limit: Threshold) -> Purchase | None:
    if outlook.curve is None:
        return None
    return judge_purchase(
        outlook.curve,
        limit=limit,
        rows=outlook.rows,
        scale=wish.scale,
        more=wish.more,
        row_cost=wish.row_cost,
        training_cost=wish.training_cost,
        value_per_unit_loss=wish.value_per_unit_loss,
    )
