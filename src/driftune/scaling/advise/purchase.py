"""Is it worth buying more rows? A gain in loss against a price in money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.scaling.advise.threshold import Threshold

if TYPE_CHECKING:
    from driftune.scaling.curves.learning_curve import LearningCurve, Prediction

NOTHING = Threshold(0.0, "nothing")


@dataclass(frozen=True)
class Purchase:
    """What more rows would bring.

    Attributes:
        rows: Rows to buy.
        gain: By how much the loss would fall, with its interval.
        price: Of the rows and of the training that they need; 0 without prices.
        value: What the lower end of the gain is worth; ``None`` where nobody said.
        worth: Whether to buy.
        reason: Why, in one sentence.
    """

    rows: int
    gain: Prediction
    price: float
    value: float | None
    worth: bool
    reason: str


def judge_purchase(
    curve: LearningCurve,
    *,
    rows: float,
    scale: float,
    more: int,
    row_cost: float = 0.0,
    training_cost: float = 0.0,
    value_per_unit_loss: float | None = None,
    limit: Threshold = NOTHING,
) -> Purchase:
    """Judge a purchase by the lower end of its gain.

    With a value: buy if ``V (L(n) - L(n + dn)) > p dn + retraining``. Without one, rows are worth
    asking for if the gain is beyond noise.

    Args:
        curve: Loss against training rows of a fold.
        rows: Training rows of a fold, now.
        scale: Rows of the table for each of them: a purchase is counted in rows of the table.
        more: Rows of the table to buy.
        row_cost: Price ``p`` of one row.
        training_cost: Price of the training that new rows need.
        value_per_unit_loss: Worth ``V`` of one unit of loss, in the currency of the prices.
        limit: What a gain in loss must exceed where there is no value.
    """
    gain = curve.gain(rows, rows + more / scale)
    price = row_cost * more + training_cost
    if value_per_unit_loss is None:
        worth = gain.low > 0 and gain.loss > limit.value
        return Purchase(more, gain, price, None, worth, _by_noise(gain, more, limit, worth))
    value = value_per_unit_loss * max(0.0, gain.low)
    worth = value > price
    verb = "more than" if worth else "not more than"
    reason = (
        f"{more:,} more rows are worth at least {value:,.4g} ({gain.low:.4g} less loss, the lower"
        f" end, at {value_per_unit_loss:g} each), {verb} their price of {price:,.4g}."
    )
    return Purchase(more, gain, price, value, worth, reason)


def best_purchase(
    data: tuple[float, float], *, value_per_unit_loss: float, row_cost: float
) -> float:
    """Rows at which the next one is no longer worth its price: ``n* = (a A V / p)^(1/(a+1))``.

    Args:
        data: ``(A, a)``: ``n`` rows are ``A n^-a`` short of infinitely many.
        value_per_unit_loss: ``V``.
        row_cost: ``p``, above zero.

    >>> rows = best_purchase((10, 0.5), value_per_unit_loss=1000, row_cost=0.01)
    >>> round(rows), round(10 * rows**-0.5, 5)
    (6300, 0.12599)
    """
    A, a = data
    return float((a * A * value_per_unit_loss / row_cost) ** (1 / (a + 1)))


def _by_noise(gain: Prediction, more: int, limit: Threshold, worth: bool) -> str:
    found = f"{more:,} more rows would lower the loss by {gain.loss:.4g}"
    interval = f"({gain.low:.4g} to {gain.high:.4g})"
    if worth:
        return f"{found} {interval}, beyond {limit}."
    return f"{found} {interval}: not beyond {limit}, so they are not worth asking for."
