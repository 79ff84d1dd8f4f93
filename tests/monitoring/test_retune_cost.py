"""A policy that is told what a retune costs in money waits for as much regret, and no more."""

import dataclasses

import pytest

from driftune.errors import UsageError
from driftune.monitoring import Observation, PastDecision, TriggerPolicy
from driftune.monitoring.regret import Recall, Regret
from driftune.monitoring.retune_cost import RetuneCost

PRICED = TriggerPolicy(value_per_unit_loss=30, retune_price=20, cooldown=0)


def cost(regret):
    return RetuneCost(regret, batch_loss=300, seconds=360, dollars=0.4, fixed=20)


def seen(gain, retune_cost, *, luck=0.0, recall=()):
    gains = (gain - luck, gain, gain, gain + luck)
    return Observation(
        batch="now", metric="rmse", greater_is_better=False, rows=500, unlabelled=0, value=10.0,
        low=9.8, high=10.2, reference_value=10.0, reference_low=9.8, reference_high=10.2,
        relative_drop=0.0, status="ok", regret=(Regret("all_history", gains, 0.005, 500),),
        recall=recall, retune_cost=retune_cost,
    )  # fmt: skip


def first_retune(retune_cost, gain=0.02, **more):
    """Number of the batch that asks for a retune; 99 where none of twelve does."""
    history = []
    for number in range(1, 13):
        one = seen(gain, retune_cost, **more)
        decision = PRICED.decide(history, one)
        if decision.outcome == "queued":
            return number
        history.append(PastDecision("", decision.outcome, decision.breach, regret=one.regret))
    return 99


def test_the_dearer_a_retune_the_longer_it_waits():
    assert [first_retune(cost(regret)) for regret in (0.03, 0.07, 0.15, 9)] == [2, 4, 8, 99]


def test_the_price_takes_the_place_of_the_number():
    assert first_retune(None) == 3  # policy.cost = 0.05
    assert first_retune(cost(0.01)) == 1
    assert first_retune(cost(0.11)) == 6


def test_a_free_retune_is_asked_for_as_soon_as_regret_is_clear_and_not_before():
    assert first_retune(cost(0)) == 1
    assert first_retune(cost(0), luck=0.1) == 99
    assert first_retune(cost(0), gain=-0.01) == 99


def test_the_reason_says_what_is_saved_and_what_is_paid():
    decision = PRICED.decide([], seen(0.12, cost(0.08)))
    assert decision.trigger == "cost"
    for said in ("0.12 batch losses", "36.00", "0.08", "24.00", "6 min", "0.40", "20.00"):
        assert said in decision.reason
    assert "policy.cost" not in decision.reason
    assert "24.00" in PRICED.decide([], seen(0.02, cost(0.08))).reason  # why it waits


@pytest.mark.parametrize(
    ("price", "saved", "trigger"),
    [(9, 0.06, "recall"), (9, 0.04, None), (0.03, 0.04, "recall"), (0.03, 0.02, None)],
)
def test_a_recall_trains_nothing_and_needs_the_lower_limit_only(price, saved, trigger):
    better = (Recall(3, saved, 0.001, 500),)
    assert PRICED.decide([], seen(0.0, cost(price), recall=better)).trigger == trigger


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"value_per_unit_loss": 30}, ("value_per_unit_loss", "price_per_hour", "retune_price")),
        ({"price_per_hour": 2}, ("price_per_hour", "value_per_unit_loss")),
        ({"retune_price": 0}, ("retune_price", "value_per_unit_loss")),
        ({"value_per_unit_loss": 0, "retune_price": 1}, ("value_per_unit_loss",)),
        ({"value_per_unit_loss": 30, "retune_price": -1}, ("retune_price",)),
        ({"value_per_unit_loss": 3, "retune_price": 1, "cost": None}, ("policy.cost",)),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(settings, named):
    with pytest.raises(UsageError) as refused:
        TriggerPolicy(**settings)
    for name in named:
        assert name in str(refused.value)


def test_policies_without_prices_keep_the_digest_that_ledgers_know():
    assert TriggerPolicy().digest() == "dc12f1a5a529de72"
    assert TriggerPolicy(cost=0.1, every=8).digest() == "513276b143141289"
    dearer = dataclasses.replace(PRICED, retune_price=21)
    assert len({TriggerPolicy(cooldown=0).digest(), PRICED.digest(), dearer.digest()}) == 3
