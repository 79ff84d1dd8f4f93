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
    [
        {"max_trials": 0},
        {"max_llm_calls": -1},
        {"max_llm_cost_usd": "much"},
        {"min_trials": True},
        {"max_rows": 0},
        {"max_row_cost": 5.0},  # without a price
        {"max_row_cost": 5.0, "row_cost": 0},
        {"max_row_cost": 5.0, "row_cost": 6.0},
        {"patience": "soon"},
        {"patience": 0},
        {"min_gain": -0.1},
        {"min_gain": 5},
        {"min_gain": True},
    ],
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


def test_time_of_earlier_calls_counts():
    now = [0.0]
    clock = Budget(max_seconds=10).clock(lambda: now[0])
    clock.earlier = 7.0
    now[0] = 2.0
    assert clock.remaining == 1.0
    now[0] = 3.5
    assert clock.check(completed=1, counted=1) == "time"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, None),
        ({"max_rows": 500}, (500, "rows")),
        ({"max_row_cost": 0.3, "row_cost": 0.1}, (3, "row_cost")),
        ({"max_rows": 500, "max_row_cost": 100, "row_cost": 0.5}, (200, "row_cost")),
        ({"max_rows": 100, "max_row_cost": 100, "row_cost": 0.5}, (100, "rows")),
        ({"row_cost": 0.5}, None),
    ],
)
def test_how_many_rows_are_allowed(limits, expected):
    assert Budget(**limits).row_limit == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_trials": 40}, "never"),
        ({"max_trials": None}, "auto"),
        ({"max_trials": None, "patience": "never"}, "never"),
        ({"max_trials": 40, "patience": "auto"}, "auto"),
        ({"patience": 7}, 7),
    ],
)
def test_a_number_of_trials_is_kept_exactly_unless_asked_otherwise(limits, expected):
    assert Budget(**limits).trials_without_gain == expected


def test_no_money_means_no_language_model():
    assert not Budget(max_llm_cost_usd=0).allows_language_model
    assert not Budget(max_llm_calls=0).allows_language_model
    assert Budget().allows_language_model
