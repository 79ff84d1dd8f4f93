"""A retune breaks even where what it saves is its price."""

import pytest

from driftune.errors import UsageError
from driftune.scaling.advise.retune_price import break_even_regret

DEAL = {"price_per_hour": 36, "retune_price": 20, "value_per_unit_loss": 30, "loss": 10}


def test_what_is_saved_at_break_even_is_what_is_paid():
    regret = break_even_regret(600, 1.5, **DEAL)
    saved = regret * DEAL["loss"] * DEAL["value_per_unit_loss"]
    assert saved == pytest.approx(600 / 3600 * 36 + 1.5 + 20)


def test_each_price_counts_by_itself():
    free = DEAL | {"price_per_hour": 0, "retune_price": 0}
    assert break_even_regret(600, 0, **free) == 0
    assert break_even_regret(600, 3, **free) == pytest.approx(0.01)
    assert break_even_regret(600, 0, **free | {"retune_price": 3}) == pytest.approx(0.01)
    assert break_even_regret(600, 0, **free | {"price_per_hour": 18}) == pytest.approx(0.01)


def test_where_there_is_no_loss_nothing_is_worth_a_price():
    assert break_even_regret(1, 0, **DEAL | {"loss": 0}) > 1e9


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_per_hour": -1}, {"retune_price": float("nan")}, {"value_per_unit_loss": 0},
        {"value_per_unit_loss": float("inf")}, {"loss": -0.1},
    ],
    ids=str,
)  # fmt: skip
def test_an_amount_that_cannot_be_names_itself(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        break_even_regret(60, 0, **DEAL | wrong)
