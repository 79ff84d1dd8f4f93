"""A backtest says what the live loop then does."""

from dataclasses import replace

import pytest

from driftune import loop
from driftune.loop.backtesting import backtest
from driftune.monitoring import TriggerPolicy

ONE = {"budget": {"max_trials": 1, "max_seconds": None}}


@pytest.mark.slow  # three replays with their probes
def test_dearer_retunes_are_fewer(module_project):
    settings = module_project.settings("tiny")
    plain = TriggerPolicy(
        min_drop=10, recall=False, action="retrain", cooldown=0, value_per_unit_loss=10,
        retune_price=0,
    )  # fmt: skip
    policies = {str(price): replace(plain, retune_price=price) for price in (0, 50, 1000)}
    found = backtest(module_project, settings, policies, shuffles=0)
    free, dear, never = (one.replayed for one in found.policies)
    assert free.retunes > dear.retunes > never.retunes == 0
    assert {step.trigger for step in free.steps if step.outcome == "queued"} == {"cost"}
    assert "20 s" in next(step.reason for step in dear.steps if step.trigger == "cost")  # budget


@pytest.mark.slow  # a whole live run: retrains and eight batches
def test_the_live_loop_does_what_the_backtest_says(module_project):
    project = module_project
    settings = project.settings("tiny", policy={"action": "retrain"}, tuning=ONE)
    settings = settings.model_copy(update={"tuning": settings.tuning_with(ONE)})
    first = loop.retune(project, settings, trigger="first", reason="x", tuning=ONE)
    assert first.status == "promoted"
    said = backtest(project, settings, {"it": settings.policy}, shuffles=0).policies[0].replayed
    while loop.pending_batches(project, settings):
        for row in loop.watch(project, settings):
            if row.decision.outcome == "queued":
                loop.carry_out(project, settings, row.decision.retune_id, tuning=ONE)
    seen = project.ledger.latest_observations("tiny")
    assert [step.batch for step in said.steps] == [row.batch for row in seen]
    assert [step.outcome for step in said.steps] == [row.decision.outcome for row in seen]
    assert [step.version for step in said.steps] == [row.champion_version for row in seen]
    done = [row.status for row in project.ledger.retunes("tiny")][1:]
    assert done  # the drift of week 17 asks for something
    assert [step.verdict for step in said.steps if step.verdict] == done
    live = sum(row.value for row in seen) / len(seen)
    assert said.mean == pytest.approx(live, rel=0.03)
