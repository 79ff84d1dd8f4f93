"""The section on the latest search: who proposed what, and what a language model cost."""

import re

import numpy as np
import pandas as pd
import pytest

from driftune.reporting.links import Links
from driftune.reporting.reading import read_story
from driftune.reporting.report import render
from driftune.reporting.study import Study, describe_language_model, draw_trials

LLM = {
    "source": "llm", "trials": 0, "completed": 0, "improvements": 0, "gain": 0.0, "share": 0.0,
    "calls": 3, "tokens": 1234, "cost_usd": 0.5, "fallbacks": 1,
}  # fmt: skip


def test_says_what_the_language_model_cost_and_the_null_model_brought(result):
    told = describe_language_model(result(), "some/model")
    for fact in ("proposed 1 trial", "$0.0123", "null model", "1 trial for nothing"):
        assert fact in told


def test_says_that_there_was_none(result):
    quiet = result(by_source=[], llm_calls=0, llm_cost_usd=0.0)
    assert "No language model took part" in describe_language_model(quiet, None)
    assert "although some/model is set" in describe_language_model(quiet, "some/model")


def test_calls_that_brought_no_trial_are_not_hidden(result):
    trials = result().trials.assign(source="tpe")
    told = describe_language_model(result(trials=trials, by_source=[LLM]), "some/model")
    assert "did not earn its money" in told
    assert "proposed 0 trials in 3 calls for $0.5000" in told


def make_long(result, **changes):
    """A study of 31 trials in which the language model brought all that was gained."""
    sources = ["warm_start", *["tpe", "llm", "jitter"] * 10]
    values = np.random.default_rng(0).normal(10, 1, len(sources))
    values[[source == "llm" for source in sources]] -= 8
    blank = result().trials.iloc[0].to_dict()
    rows = [
        blank | {"number": n, "value": v, "source": s}
        for n, (v, s) in enumerate(zip(values, sources, strict=True))
    ]
    trials = pd.DataFrame(rows).astype({"value": float})
    own = LLM | {"trials": 10, "improvements": 3, "gain": 8.0, "share": 1.0}
    return result(trials=trials, by_source=[own], **changes)


def test_the_estimate_without_the_model_is_told_and_drawn(result):
    study = make_long(result)
    told = describe_language_model(study, "some/model")
    assert "earned its money" in told
    assert f"{study.worth.estimate:.5g}" in told
    assert ">without the model (95%)<" in draw_trials(study)
    assert ">without the model (95%)<" not in draw_trials(result())


def render_section(house, result):
    story = read_story(*house)
    shown = Study(result, draw_trials(result), describe_language_model(result, "some/model"))
    page = render(story, shown, Links(house[0].reports, house[0].reports))
    return re.search(r'<section id="trials">.*?</section>', page, re.DOTALL).group()


def test_the_table_by_source_has_shares_and_costs(house, result):
    section = render_section(house, make_long(result))
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", section)
    row = cells[cells.index("llm") :]
    assert row[:6] == ["llm", "10", "0", "3", "8", "100%"]
    assert row[6:11] == ["3", "1,234", "0.5000", "1", "0"]


def test_a_study_without_a_model_shows_no_costs(house, result):
    jitter = LLM | {"source": "jitter", "trials": 1, "calls": 0, "fallbacks": 0}
    section = render_section(house, result(by_source=[jitter], llm_calls=0))
    assert "No language model took part" in section
    assert "Cost" not in section


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
