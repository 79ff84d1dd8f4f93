"""Pictures show the pilots, what is foreseen and the marks."""

import matplotlib as mpl
import numpy as np
import pytest

from driftune.scaling.curves.cost import CostModel
from driftune.scaling.curves.drawing import draw_cost, draw_learning_curve
from driftune.scaling.curves.learning_curve import fit_learning_curve
from driftune.scaling.curves.observation import Observation


@pytest.fixture
def axes():
    mpl.use("Agg")
    from matplotlib.figure import Figure

    return Figure().subplots()


def legend(axes):
    return {text.get_text() for text in axes.get_legend().get_texts()}


def test_the_curve_reaches_its_furthest_mark(axes):
    rows = [500, 1000, 2000, 4000, 8000]
    curve = fit_learning_curve([Observation(n, 1 + 20 * n**-0.5) for n in rows], n_boot=20)
    draw_learning_curve(axes, curve, marks={"recommended": 100_000})
    assert axes.get_xlim()[1] > 100_000
    assert axes.get_xscale() == "log"
    assert legend(axes) == {"pilots", "fitted", "foreseen", "90% interval", "last pilot"}
    assert [text.get_text() for text in axes.texts] == ["recommended"]


def test_the_cost_shows_each_fit_and_the_break_even(axes):
    cost = CostModel(0.5, 2.5e-7, 2e-4, 0.1)
    points = [Observation(n, 1.0, rounds=100, leaves=8, seconds=n / 1000) for n in (500, 500, 9000)]
    draw_cost(axes, cost, points)
    measured = axes.lines[0].get_ydata()
    np.testing.assert_allclose(sorted(measured), [0.5, 0.5, 9.0])
    assert len(set(axes.lines[0].get_xdata())) == 3  # equal rows do not hide each other
    assert [text.get_text() for text in axes.texts] == ["break-even, 8 leaves"]


def test_no_timed_fit_draws_nothing_and_breaks_nothing(axes):
    draw_cost(axes, CostModel(0.5, 0.0, 1e-4, 0.1), [Observation(500, 1.0)])
    assert len(axes.texts) == 0
