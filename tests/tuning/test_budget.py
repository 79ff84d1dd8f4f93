"""Budgets: durations as written, wrong values named, the first limit reached wins."""

import pytest
from pydantic import BaseModel, ValidationError

from driftune.errors import UsageError
from driftune.tuning import Budget


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("10m", 600), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400), (12, 12), ("7", 7), (None, None)],
)
def test_durations(written, seconds):
    assert Budget(max_seconds=written).seconds == seconds


@pytest.mark.parametrize("wrong", ["", "soon", "-3s", "10 parsecs", 0, -1, "nan", "1.2.3s", "5m3h"])
def test_wrong_duration_names_the_setting(wrong):
    with pytest.raises(UsageError, match=r"budget\.max_seconds"):
        Budget(max_seconds=wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"max_trials": 0}, {"max_llm_calls": -1}, {"max_llm_cost_usd": "much"}, {"min_trials": True}],
)
def test_wrong_limit_names_the_setting(wrong):
    with pytest.raises(UsageError, match=f"budget.{next(iter(wrong))}"):
        Budget(**wrong)


def test_unknown_key_is_refused_inside_a_settings_tree():
    class Settings(BaseModel):
        budget: Budget

    assert Settings(budget={"max_trials": 3}).budget.max_trials == 3
    with pytest.raises(ValidationError, match="max_trails"):
        Settings(budget={"max_trails": 3})


def test_the_first_limit_reached_stops():
    now = [0.0]
    clock = Budget(max_seconds=10, max_trials=5).clock(lambda: now[0])
    assert clock.check(completed=1, counted=1) is None
    now[0] = 10.5
    assert clock.check(completed=0, counted=0) is None, "min_trials come first"
    assert clock.check(completed=1, counted=1) == "time"
    assert Budget(max_trials=5).clock().check(completed=5, counted=5) == "trials"


def test_no_money_means_no_language_model():
    assert not Budget(max_llm_cost_usd=0).allows_language_model
    assert not Budget(max_llm_calls=0).allows_language_model
    assert Budget().allows_language_model
