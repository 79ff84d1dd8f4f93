"""Is a retune worth its price? The arithmetic of buying data, with regret as what is bought.

More rows are worth buying while ``V * (L(n) - L(n + dn)) > p * dn + c``, with V the money that one
unit of loss costs. A retune is worth its price c while ``V * regret * L > c``: regret is a share of
one batch's loss L, so it breaks even at ``c / (V * L)``.
"""

from __future__ import annotations

import math

from driftune.errors import UsageError

NO_LOSS = 1e-12  # a loss below this counts as this, so that the ratio stays finite
SECONDS_PER_HOUR = 3600


def break_even_regret(
    seconds: float,
    dollars: float,
    *,
    price_per_hour: float,
    retune_price: float,
    value_per_unit_loss: float,
    loss: float,
) -> float:
    """Return the regret at which a retune pays for itself, in losses of one batch.

    Args:
        seconds: That a retune takes.
        dollars: What its language model is paid.
        price_per_hour: Of the machine meanwhile.
        retune_price: Fixed price of one retune.
        value_per_unit_loss: What one unit of loss costs over one batch, above 0.
        loss: Of one batch in the metric's unit, lower is better.

    Raises:
        UsageError: An amount is negative or no number, or a unit of loss costs nothing.

    Six minutes at 36 an hour, 0.40 for the language model and 20 for the review are 24. Minutes of
    RMSE cost 30 each; with an RMSE of 10 a retune is worth it from 0.08 batch losses on:

    >>> break_even_regret(
    ...     360, 0.4, price_per_hour=36, retune_price=20, value_per_unit_loss=30, loss=10
    ... )
    0.08
    """
    amounts = {
        "seconds": seconds, "dollars": dollars, "price_per_hour": price_per_hour,
        "retune_price": retune_price, "loss": loss,
    }  # fmt: skip
    for name, amount in amounts.items():
        if not (math.isfinite(amount) and amount >= 0):
            raise UsageError(f"{name} is {amount!r}; it must be a number of at least 0.")
    if not (math.isfinite(value_per_unit_loss) and value_per_unit_loss > 0):
        raise UsageError(f"value_per_unit_loss is {value_per_unit_loss!r}; it must be above 0.")
    money = seconds / SECONDS_PER_HOUR * price_per_hour + dollars + retune_price
    return money / (value_per_unit_loss * max(loss, NO_LOSS))
