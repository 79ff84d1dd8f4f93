"""What a retune is priced at: what the ledger's retunes took, live and in a backtest."""

from dataclasses import replace

import pytest

from driftune import loop
from driftune.ledger import DecisionRow, ObservationRow, RetuneRow
from driftune.loop.pricing import Effort, read_pricing
from driftune.monitoring import Observation, TriggerPolicy

PRICED = TriggerPolicy(value_per_unit_loss=30, price_per_hour=36, retune_price=20)


def done(project, name, seconds, *, action="retune", usd=None, problem="tiny", **details):
    """Put a finished retune on record; one without seconds was interrupted."""
    took = {} if seconds is None else {"seconds": seconds}
    row = RetuneRow(
        id=name, problem=problem, trigger="cost", action=action, reason="x", status="promoted",
        details={**took, **details},
    )  # fmt: skip
    observed = ObservationRow(
        key=name, problem=problem, batch=name, sequence=0, data_version="v", champion_version=1,
        status="ok", value=1.0, low=0.9, high=1.1, details={},
    )  # fmt: skip
    decision = DecisionRow(
        outcome="queued", trigger="cost", breach=False, reason="x", retune_id=name, policy="x"
    )
    project.ledger.record(observed, decision, row)
    if usd is not None:
        project.ledger.record_spend(name, problem, calls=1, cost_usd=usd)


def seen(value, *, greater_is_better=False):
    return Observation(
        batch="now", metric="m", greater_is_better=greater_is_better, rows=500, unlabelled=0,
        value=value, low=value, high=value, reference_value=value, reference_low=value,
        reference_high=value, relative_drop=0.0, status="ok",
    )  # fmt: skip


def test_before_the_first_retune_it_may_take_the_budget(project):
    settings = project.settings("tiny")  # 20 s, a language model, at most one dollar
    assert read_pricing(project, settings).efforts == {
        "retune": Effort(20.0, 1.0), "retrain": Effort(20.0, 0.0),
    }  # fmt: skip
    silent = settings.tuning_with({"language_model": None})
    settings = settings.model_copy(update={"tuning": silent})
    assert read_pricing(project, settings).efforts["retune"] == Effort(20.0, 0.0)


def test_without_a_limit_of_time_nobody_can_say_and_the_number_holds(project):
    settings = project.settings("tiny")
    endless = settings.tuning_with({"budget": {"max_seconds": None}})
    settings = settings.model_copy(update={"tuning": endless})
    assert read_pricing(project, settings).price(PRICED, seen(10.0)) is None
    done(project, "a", 360, usd=0.4)
    assert read_pricing(project, settings).price(PRICED, seen(10.0)) is not None


def test_the_price_follows_what_retunes_really_took(project):
    settings = project.settings("tiny")
    done(project, "a", 300, usd=0.2)
    done(project, "b", 420, usd=0.6)
    done(project, "killed", None, usd=5.0)
    done(project, "recall", 2, action="recall")
    done(project, "known", 30, action="retrain")
    done(project, "other", 9999, problem="late")
    pricing = read_pricing(project, settings)
    assert pricing.efforts == {"retune": Effort(360, pytest.approx(0.4)), "retrain": Effort(30, 0)}
    price = pricing.price(PRICED, seen(10.0))
    assert price.regret == pytest.approx((3.6 + 0.4 + 20) / 300)
    assert price.worth(price.regret) == pytest.approx(24)
    retrain = pricing.price(replace(PRICED, action="retrain"), seen(10.0))
    assert retrain.regret == pytest.approx((0.3 + 20) / 300)
    done(project, "c", 3600, usd=0.4)  # the next one takes an hour
    later = read_pricing(project, settings).price(PRICED, seen(10.0))
    assert later.regret == pytest.approx((14.4 + 0.4 + 20) / 300)


def test_where_greater_is_better_the_loss_is_what_is_missing_to_one(project):
    settings = project.settings("late")
    pricing = read_pricing(project, settings)
    auc = seen(0.8, greater_is_better=True)
    policy = TriggerPolicy(value_per_unit_loss=100, retune_price=10, price_per_hour=0)
    dollars = pricing.efforts["retune"].dollars
    assert pricing.price(policy, auc).regret == pytest.approx((10 + dollars) / (100 * 0.2))


def test_a_policy_without_prices_is_not_priced(project):
    pricing = read_pricing(project, project.settings("tiny"))
    assert pricing.price(TriggerPolicy(), seen(10.0)) is None
    assert pricing.price(object(), seen(10.0)) is None


@pytest.mark.parametrize(("price", "outcome"), [(0, "queued"), (1e6, "no_drift")])
def test_the_live_loop_waits_for_the_price_and_writes_it_down(
    project, add_small_problem, price, outcome
):
    deliver = add_small_problem(project, "small")
    policy = {
        "value_per_unit_loss": 30, "price_per_hour": price, "min_drop": 1e6, "recall": False,
    }  # fmt: skip
    settings = project.settings("small", policy=policy)
    first = loop.retune(project, settings, trigger="first", reason="x")
    assert first.status == "promoted"
    for number in (1, 2):
        deliver(number, drifted=True)
    last = list(loop.watch(project, settings))[-1]
    assert (last.batch, last.decision.outcome) == ("b2", outcome)
    paid = last.details["retune_cost"]
    assert paid["seconds"] == first.details["seconds"] > 0
    assert last.details["evidence"]["cost"] == paid["regret"]
    assert (paid["regret"] == 0) is (price == 0)
    assert "a retune costs" in last.decision.reason
