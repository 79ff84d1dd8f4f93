"""The fronts in the report: every trial is a point, the limit a line, the chosen one marked."""

import re

import pandas as pd

from driftune.reporting.fronts import draw_fronts
from driftune.reporting.links import Links
from driftune.reporting.reading import read_story
from driftune.reporting.report import render
from driftune.reporting.study import Study, draw_trials
from driftune.tuning import TuningResult

SIZES = [900.0, 400.0, 40.0, 90.0, None, 95.0]


def measured(result, **changes):
    trials = result().trials.assign(
        model_kb=pd.Series(SIZES, dtype=float), latency_us=[9.0, 4.0, 0.4, 0.9, None, 1.5]
    )
    return result(trials=trials.astype({"latency_us": float}), **changes)


def legend(svg):
    return set(re.findall(r"<text[^>]*>([^<]+)</text>", svg))


def test_size_and_latency_are_drawn_without_a_limit(result):
    found = legend(draw_fronts(measured(result)))
    assert {"trial", "front", "chosen"} <= found
    assert {"size of the model, kB", "prediction time per row, µs"} <= found
    assert not {"limit", "breaks a constraint"} & found


def test_a_limit_is_a_line_and_what_breaks_it_is_told_apart(result):
    limited = measured(result, constraints={"model_size_kb": 100.0})
    assert {"limit", "breaks a constraint"} <= legend(draw_fronts(limited))


def test_a_limit_on_memory_adds_its_own_front(result):
    limited = measured(result, constraints={"memory_mb": 1.0})
    records = limited.trials.assign(memory_mb=limited.trials["model_kb"] / 1000).to_dict("records")
    drawn = draw_fronts(TuningResult.from_dict(limited.to_dict() | {"trials": records}))
    assert "memory of the loaded model, MB" in legend(drawn)


def test_nothing_measured_draws_nothing(result):
    assert draw_fronts(result()) == ""


def test_the_incumbent_is_one_that_keeps_the_limits(result):
    free, limited = (
        draw_trials(measured(result, constraints=limits)) for limits in ({}, {"model_size_kb": 92})
    )
    assert steps(limited) < steps(free)


def steps(svg):
    """Corners of the incumbent's line, which is the only one of its width."""
    (line,) = re.findall(r'<path d="([^"]*)"[^>]*stroke-width: 1\.6', svg)[:1]
    return len(re.findall(r"[ML] ", line))


def test_the_section_says_and_shows_it(house, result):
    limited = measured(result, constraints={"model_size_kb": 100.0})
    study = Study(limited, "", "", fronts=draw_fronts(limited), constraints=["They <are> kept."])
    page = render(read_story(*house), study, Links(house[0].reports, house[0].reports))
    section = re.search(r'<section id="trials">.*?</section>', page, re.DOTALL).group()
    assert "They &lt;are&gt; kept." in section
    assert "What accuracy costs a device" in section
    assert "prediction time per row" in section
