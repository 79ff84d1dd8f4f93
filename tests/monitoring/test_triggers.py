"""Each trigger of the policy alone: what it asks for, and what keeps it quiet."""

import dataclasses

import pytest

from driftune.errors import UsageError
from driftune.monitoring import DriftReport, Observation, PastDecision, TriggerPolicy
from driftune.monitoring.regret import Recall, Regret

QUIET = {"cost": None, "recall": False}


def seen(value=10.0, *, batch="now", rows=500, **more):
    """A batch of rmse 10 +- 0.2 against a reference of 10, labelled unless ``value`` is None."""
    ok = value is not None
    return Observation(
        batch=batch, metric="rmse", greater_is_better=False, rows=rows if ok else 0,
        unlabelled=0 if ok else rows, value=value, low=value - 0.2 if ok else None,
        high=value + 0.2 if ok else None, reference_value=10.0, reference_low=9.8,
        reference_high=10.2, relative_drop=value / 10 - 1 if ok else None,
        status="ok" if ok else "insufficient_data", **more,
    )  # fmt: skip


def regret(gain, *, strategy="all_history", luck=0.0, error=0.005):
    gains = (gain - luck, gain, gain, gain + luck)
    return (Regret(strategy, gains, error, 500),)


def run(policy, batches):
    """Decide about a stream of observations; returns the decisions."""
    history, decisions = [], []
    for one in batches:
        decision = policy.decide(history, one)
        decisions.append(decision)
        history.append(
            PastDecision(
                one.batch, decision.outcome, decision.breach, rows=one.rows,
                regret=one.regret, recall=one.recall,
            )
        )  # fmt: skip
    return decisions


def outcomes(decisions):
    return [decision.outcome for decision in decisions]


def test_regret_adds_up_until_it_exceeds_the_cost():
    stream = [seen(regret=regret(0.02)) for _ in range(4)]
    decisions = run(TriggerPolicy(cost=0.05, cooldown=0), stream)
    assert outcomes(decisions) == ["no_drift", "no_drift", "queued", "no_drift"]
    third = decisions[2]
    assert (third.trigger, third.action) == ("cost", "retune")
    assert third.accumulated == pytest.approx(0.06)
    assert decisions[3].accumulated == pytest.approx(0.02)  # anew after the retune was asked for


def test_a_higher_cost_waits_longer():
    stream = [seen(regret=regret(0.02)) for _ in range(8)]
    first = [
        outcomes(run(TriggerPolicy(cost=cost), stream)).index("queued") for cost in (0.03, 0.1)
    ]
    assert first == [1, 5]


def test_regret_that_may_be_luck_asks_for_nothing():
    stream = [seen(regret=regret(0.05, luck=0.3)) for _ in range(6)]
    assert "queued" not in outcomes(run(TriggerPolicy(), stream))


def test_once_a_retune_was_worth_it_less_evidence_asks_for_the_next():
    unsure = seen(regret=regret(0.06, luck=0.12))
    calm = PastDecision("before", "no_drift", breach=False)
    worth = PastDecision("before", "queued", breach=False, retuned=True)
    policy = TriggerPolicy(cooldown=0)
    assert policy.decide([calm], unsure).outcome == "no_drift"
    assert policy.decide([worth], unsure).outcome == "queued"
    by_hand = PastDecision("before", "no_drift", breach=False, retuned=True)
    assert policy.decide([by_hand], unsure).outcome == "no_drift"


def test_the_better_strategy_speaks():
    both = (*regret(-0.1), *regret(0.2, strategy="window"))
    assert run(TriggerPolicy(), [seen(regret=both)])[0].outcome == "queued"


def test_during_the_cooldown_regret_is_kept():
    stream = [seen(regret=regret(0.06)) for _ in range(5)]
    assert outcomes(run(TriggerPolicy(cooldown=2), stream)) == [
        "queued", "suppressed_cooldown", "suppressed_cooldown", "queued", "suppressed_cooldown",
    ]  # fmt: skip


def test_an_earlier_champion_is_asked_back_rather_than_a_new_one_made():
    better = seen(
        regret=regret(0.06), recall=(Recall(3, 0.2, 0.01, 500), Recall(1, 0.1, 0.01, 500))
    )
    (decision,) = run(TriggerPolicy(), [better])
    assert (decision.outcome, decision.trigger) == ("queued", "recall")
    assert (decision.action, decision.candidate) == ("recall", 3)


@pytest.mark.parametrize(
    "recall",
    [(Recall(3, 0.2, 0.3, 500),), (Recall(3, 0.04, 0.001, 500),), (Recall(3, -0.2, 0.001, 500),)],
    ids=["noise", "less than the cost", "worse"],
)
def test_an_earlier_champion_stays_where_it_is(recall):
    assert run(TriggerPolicy(), [seen(recall=recall)])[0].outcome == "no_drift"


def test_a_retraining_that_saves_more_is_preferred_to_a_recall():
    stream = [seen(regret=regret(0.3), recall=(Recall(3, 0.1, 0.001, 500),))]
    assert run(TriggerPolicy(), stream)[0].trigger == "cost"


def test_new_rows_and_schedule():
    stream = [seen() for _ in range(7)]
    rows = run(TriggerPolicy(**QUIET, new_rows=1500), stream)
    assert [d.trigger for d in rows if d.outcome == "queued"] == ["new_rows"] * 2
    assert outcomes(rows)[2] == outcomes(rows)[5] == "queued"
    every = run(TriggerPolicy(**QUIET, every=4), stream)
    assert outcomes(every).index("queued") == 3


def test_hysteresis_holds_an_alarm_that_flickers():
    stream = [seen(value) for value in (14.1, 13.7, 10.0)]
    assert outcomes(run(TriggerPolicy(**QUIET), stream))[1] == "queued"
    assert "queued" not in outcomes(run(TriggerPolicy(**QUIET, hysteresis=0), stream))


@pytest.mark.parametrize("action", ["retune", "retrain"])
def test_the_action_is_what_is_queued(action):
    (decision,) = run(TriggerPolicy(action=action), [seen(regret=regret(0.2))])
    assert (decision.outcome, decision.action) == ("queued", action)


def test_with_the_action_alert_nothing_is_ever_queued():
    stream = [seen(20.0, regret=regret(0.2), recall=(Recall(1, 0.5, 0.01, 500),)) for _ in range(6)]
    assert set(outcomes(run(TriggerPolicy(action="alert"), stream))) == {
        "alert", "suppressed_cooldown",
    }  # fmt: skip


def test_monthly_limits_turn_a_retune_into_an_alert():
    one = seen(regret=regret(0.2))
    for policy, spent in (
        (TriggerPolicy(max_retunes_per_month=3), {"retunes_this_month": 3}),
        (TriggerPolicy(max_usd_per_month=5), {"usd_this_month": 5.01}),
    ):
        assert policy.decide([], one).outcome == "queued"
        decision = policy.decide([], one, **spent)
        assert (decision.outcome, decision.trigger) == ("alert", "cost")
        assert "month" in decision.reason


def test_a_recall_costs_nothing_and_is_not_limited():
    one = seen(recall=(Recall(1, 0.5, 0.01, 500),))
    decision = TriggerPolicy(max_usd_per_month=5).decide([], one, usd_this_month=9)
    assert decision.outcome == "queued"


def drifted(*, drifted=True):
    return DriftReport(batch="now", rows=500, status="ok", columns=(), drifted=drifted)


def test_drift_speaks_where_labels_do_not():
    silent, labelled = seen(None, drift=drifted()), seen(drift=drifted())
    assert TriggerPolicy().decide([], silent).outcome == "alert"
    assert TriggerPolicy().decide([], labelled).outcome == "no_drift"
    assert TriggerPolicy(drift="record").decide([], silent).outcome == "insufficient_data"
    assert TriggerPolicy(drift="retune").decide([], labelled).outcome == "queued"
    calm = seen(None, drift=drifted(drifted=False))
    assert TriggerPolicy(drift="retune").decide([], calm).outcome == "insufficient_data"


def test_an_estimate_may_alert_and_never_asks_for_a_retune():
    bad = dataclasses.replace(seen(20.0), estimated=True)
    decision = TriggerPolicy().decide([], seen(None, estimate=bad))
    assert (decision.outcome, decision.trigger) == ("alert", "estimated_drop")
    fine = dataclasses.replace(seen(10.0), estimated=True)
    assert TriggerPolicy().decide([], seen(None, estimate=fine)).outcome == "insufficient_data"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": -1}, {"certainty": 0.5}, {"probe_rows": 3}, {"drift": "ignore"}, {"new_rows": 0},
        {"strategy": "newest"}, {"action": "tune"}, {"max_usd_per_month": -1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_setting_out_of_range_names_itself(wrong):
    with pytest.raises(UsageError, match=f"policy.{next(iter(wrong))}"):
        TriggerPolicy(**wrong)
