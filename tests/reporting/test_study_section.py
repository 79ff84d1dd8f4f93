"""The section on the latest search: who proposed what, and what a language model cost."""

import re

import pytest

from driftune.reporting.study import describe_language_model, draw_trials


def test_says_what_the_language_model_cost_and_the_null_model_brought(result):
    told = describe_language_model(result(), "some/model")
    for fact in ("proposed 1 of 6 trials", "Calls: 2", "tokens: 1,234", "$0.0123", "null model"):
        assert fact in told


def test_says_that_there_was_none(result):
    quiet = result(by_source=[], llm_calls=0, llm_cost_usd=0.0)
    assert "No language model was used" in describe_language_model(quiet, None)
    assert "although some/model is set" in describe_language_model(quiet, "some/model")


def test_calls_that_brought_no_trial_are_not_hidden(result):
    lost = result(by_source=[], llm_calls=3, llm_cost_usd=0.5)
    told = describe_language_model(lost, "some/model")
    assert "proposed 0 of 6 trials" in told
    assert "$0.5000" in told


def test_one_absurd_trial_does_not_flatten_the_others(result):
    picture = draw_trials(result())
    assert "1 beyond the picture" in picture
    ticks = [float(text) for text in re.findall(r">(\d+(?:\.\d+)?)</text>", picture)]
    assert max(ticks) < 100  # the absurd one is 950


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_every_source_is_named(result, direction):
    picture = draw_trials(result(direction=direction))
    for source in ("warm start", "random", "tpe", "llm", "incumbent", "failed or pruned"):
        assert f">{source}<" in picture


def test_a_study_without_a_value_has_no_picture(result):
    trials = result().trials.assign(value=float("nan"))
    assert draw_trials(result(trials=trials)) == ""
