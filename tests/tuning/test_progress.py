"""What a bar shows: how far, how good, by whom, and what is left of time and money."""

import math

from driftune.language_model import ScriptedLanguageModel
from driftune.tuning import Budget, TrialProgress, tune


def event(**changes):
    facts = {"number": 7, "total": 40, "value": 9.5, "best": 9.31, "source": "tpe"}
    return TrialProgress(**facts | {"seconds_left": 29.7, "seconds_total": 60.0} | changes)


def test_a_line_shows_only_what_is_known():
    assert str(event()) == "trial 7/40, best 9.31, last by tpe, 30 s left"
    assert "pruned" in str(event(value=None, pruned=True))
    assert "failed" in str(event(value=None))
    assert str(event(dollars_left=0.421)).endswith("30 s and $0.42 left")
    unlimited = {"seconds_left": math.inf, "seconds_total": math.inf}
    assert str(event(**unlimited)) == "trial 7/40, best 9.31, last by tpe"
    assert str(event(**unlimited, dollars_left=0.0)).endswith(", $0.00 left")
    assert "none" in str(event(best=None, total=None))


def test_the_bar_is_as_full_as_the_limit_that_is_nearer():
    assert event(number=20).share == 0.505
    assert event(number=30).share == 0.75
    assert event(total=None, seconds_left=-3.0).share == 1.0


def test_dollars_are_shown_once_a_model_is_asked(regression, diabetes):
    space = {"num_leaves": {"type": "int", "low": 4, "high": 16}}
    answer = '{"proposals": [{"num_leaves": 7}]}'
    for model, limit in ((ScriptedLanguageModel([answer] * 9), 0.5), (None, 0.5)):
        events = []
        tune(
            regression, diabetes, space=space, n_folds=2, n_jobs=1, language_model=model,
            budget=Budget(max_trials=8, max_llm_cost_usd=limit), on_progress=events.append,
        )  # fmt: skip
        last = events[-1].dollars_left
        assert last is None if model is None else last == limit  # the scripted one is free
