"""The policy fires for drift and not for noise, and is a pure function of what it is given."""

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from driftune.errors import UsageError
from driftune.monitoring import Observation, PastDecision, TriggerPolicy


def seen(value, *, half=0.7, reference=9.7, batch="b", greater=False, rows=500):
    """An observation of rmse, or with ``greater`` of a score in [0, 1]; None = not measured."""
    ok = value is not None
    loss, reference_loss = (1 - (value or 0), 1 - reference) if greater else (value, reference)
    return Observation(
        batch=batch,
        metric="roc_auc" if greater else "rmse",
        greater_is_better=greater,
        rows=rows,
        unlabelled=0,
        value=value,
        low=value - half if ok else None,
        high=value + half if ok else None,
        reference_value=reference,
        reference_low=reference - (0.02 if greater else 0.4),
        reference_high=reference + (0.02 if greater else 0.4),
        relative_drop=(loss - reference_loss) / reference_loss if ok else None,
        status="ok" if ok else "insufficient_data",
    )


def run(policy, values, *, promoted=(), **settings):
    """Decide about a stream; ``promoted`` are the indices whose retune promoted a model."""
    history = []
    for index, value in enumerate(values):
        decision = policy.decide(history, seen(value, **settings))
        history.append(
            PastDecision(str(index), decision.outcome, decision.breach, retuned=index in promoted)
        )
    return [past.outcome for past in history]


def fired(outcomes, what="queued"):
    return [index for index, outcome in enumerate(outcomes) if outcome == what]


FLIGHTS = [10.5, 11.9, 12.5, 11.2, 17.2, 17.8, 17.2, 16.8, 19.1]  # weekly rmse, weeks 13 to 21


@pytest.mark.parametrize("reference", [9.48, 10.0])
def test_the_alarm_rings_at_the_kth_drifted_week(reference):
    assert fired(run(TriggerPolicy(), FLIGHTS, reference=reference))[0] == 5
    assert fired(run(TriggerPolicy(k=3), FLIGHTS, reference=reference))[0] == 6


def test_sound_weeks_and_one_storm_do_not_ring():
    weeks = [11.4, 10.4, 11.3, 9.0, 12.7, 12.2, 12.2, 12.2, 16.4, 11.0, 10.3, 9.6]
    assert set(run(TriggerPolicy(), weeks, reference=9.48)) == {"no_drift"}


def test_a_batch_too_vague_to_be_worse_is_no_breach():
    assert not TriggerPolicy().decide([], seen(17, half=7)).breach
    assert TriggerPolicy().decide([], seen(17, half=6)).breach


def test_greater_is_better_metrics_breach_downwards():
    policy = TriggerPolicy(k=1, m=1)
    low = seen(0.6, half=0.03, reference=0.8, greater=True)
    high = seen(0.95, half=0.03, reference=0.8, greater=True)
    assert policy.decide([], low).outcome == "queued"
    assert policy.decide([], high).outcome == "no_drift"


@given(
    value=st.floats(1, 40),
    worse=st.floats(0, 20),
    policy=st.builds(TriggerPolicy, min_drop=st.floats(0, 2)),
)
def test_worse_is_never_judged_better(value, worse, policy):
    assert policy.breaches(seen(value)) <= policy.breaches(seen(value + worse))


def test_the_cooldown_holds_and_then_the_alarm_rings_again():
    outcomes = run(TriggerPolicy(cooldown=2), FLIGHTS)
    assert outcomes[5:] == ["queued", "suppressed_cooldown", "suppressed_cooldown", "queued"]
    assert fired(run(TriggerPolicy(cooldown=0), FLIGHTS)) == [5, 6, 7, 8]


def test_a_promotion_resets_the_window():
    """The breach at index 1 belongs to the old model and must not count against the new one."""
    stream = [17, 17, 10, 10, 17, 10, 10]
    policy = TriggerPolicy(k=2, m=5, cooldown=0)
    assert fired(run(policy, stream, promoted=[1])) == [1]
    assert fired(run(policy, stream)) == [1, 4]


def test_a_sound_newest_batch_asks_for_nothing():
    assert run(TriggerPolicy(k=2, m=3, cooldown=0), [17, 17, 10])[-1] == "no_drift"


def test_unmeasured_batches_neither_ring_nor_count():
    outcomes = run(TriggerPolicy(k=2, m=2), [10, 17, None, None, 17])
    assert outcomes == ["no_drift", "no_drift", "insufficient_data", "insufficient_data", "queued"]


def test_the_warm_up_counts_for_nothing():
    assert fired(run(TriggerPolicy(warm_up=2), [17, 17, 17, 17])) == [3]


def test_the_schedule_asks_when_nothing_else_does():
    policy = TriggerPolicy(every=4)
    assert fired(run(policy, [10] * 9)) == [3, 7]
    assert policy.decide([PastDecision("", "no_drift", False)] * 3, seen(10)).trigger == "schedule"


def test_alert_only_and_the_monthly_limit():
    assert fired(run(TriggerPolicy(action="alert"), FLIGHTS), "alert") == [5, 8]
    limited = TriggerPolicy(k=1, m=1, max_retunes_per_month=2)
    assert limited.decide([], seen(17), retunes_this_month=1).outcome == "queued"
    assert limited.decide([], seen(17), retunes_this_month=2).outcome == "alert"


def test_the_reason_has_the_numbers():
    reason = TriggerPolicy(k=1, m=1).decide([], seen(17.25, batch="week-17")).reason
    for number in ("17.25", "16.55", "17.95", "9.7", "9.3", "10.1", "78%", "week-17", "1 of"):
        assert number in reason
    assert "120" in TriggerPolicy().decide([], seen(None, rows=120)).reason


def test_the_digest_is_that_of_the_settings_on_every_machine():
    code = "from driftune.monitoring import TriggerPolicy; print(TriggerPolicy(k=1).digest())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == TriggerPolicy(k=1).digest()
    digests = {
        dataclasses.replace(TriggerPolicy(), **change).digest()
        for change in ({}, {"k": 1}, {"every": 9}, {"min_drop": 0.5}, {"action": "alert"})
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"k": 4}, "k"),
        ({"k": 0}, "k"),
        ({"min_drop": -1}, "min_drop"),
        ({"cooldown": -1}, "cooldown"),
        ({"every": 2}, "every"),
        ({"action": "panic"}, "action"),
        ({"warm_up": -1}, "warm_up"),
        ({"max_retunes_per_month": -1}, "max_retunes_per_month"),
    ],
)
def test_a_wrong_setting_is_named(wrong, name):
    with pytest.raises(UsageError, match=f"policy.{name} "):
        TriggerPolicy(**wrong)


def test_the_yaml_section_refuses_unknown_keys():
    adapter = TypeAdapter(TriggerPolicy)
    assert adapter.validate_python({"k": 1, "m": 2}) == TriggerPolicy(k=1, m=2)
    with pytest.raises(ValidationError):
        adapter.validate_python({"cool_down": 3})
