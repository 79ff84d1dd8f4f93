"""How far back a challenger learns: by evidence on the newest rows."""

import numpy as np
import pandas as pd
import pytest

from driftune.problem import Problem
from driftune.tuning.known import configuration_of, known_result, quick
from driftune.tuning.span import choose_span

PROBLEM = Problem(name="p", target="y", metric="rmse", time="t")
CONFIGURATION = {
    "problem": "p", "family": "lightgbm", "metric": "rmse", "direction": "minimize",
    "best_params": {"learning_rate": 0.05, "num_leaves": 255, "min_child_samples": 10},
    "best_value": 1.0, "best_rounds": 400, "rows": 3000, "fold_rows": 2000.0, "seed": 0,
    "max_rows": None,
}  # fmt: skip
KNOWN = known_result(CONFIGURATION)


def stream(turn=None, n=3000, *, classes=False, seed=0):
    """Rows whose target turns its sign at row ``turn``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    sign = np.where(np.arange(n) < (turn or 0), -1.0, 1.0)
    y = sign * (2 * x[:, 0] + x[:, 1]) + 0.3 * rng.normal(size=n)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="h")
    table = pd.DataFrame(x, columns=["a", "b", "c"]).assign(t=times)
    return table.assign(y=np.where(y > 0, "yes", "no") if classes else y)


def test_after_a_drift_only_the_newest_rows_are_learned_from():
    span = choose_span(PROBLEM, stream(turn=2000), KNOWN, strategy="auto", newest=600)
    assert span.strategy == "window"
    assert 1500 <= span.start < 2700
    assert span.gain[0] > 0.2


def test_without_a_drift_all_history_is():
    for seed in range(3):
        span = choose_span(PROBLEM, stream(seed=seed), KNOWN, strategy="auto", newest=600)
        assert (span.strategy, span.start) == ("all_history", 0)
        assert span.compared  # both were trained


def test_a_classification_chooses_too():
    problem = PROBLEM.model_copy(update={"metric": "log_loss"})
    rows = stream(turn=2000, classes=True)
    assert choose_span(problem, rows, KNOWN, strategy="auto", newest=600).strategy == "window"


def test_a_fixed_strategy_is_kept():
    rows = stream(turn=2000)
    assert choose_span(PROBLEM, rows, KNOWN, strategy="all_history").start == 0
    clean = choose_span(PROBLEM, stream(), KNOWN, strategy="window", newest=600)
    assert clean.strategy == "window"
    assert clean.start > 0


def test_a_column_that_is_empty_in_a_span_ends_no_search():
    rows = stream(turn=2000).assign(d=1.0)
    rows.loc[1500:, "d"] = np.nan
    assert choose_span(PROBLEM, rows, KNOWN, strategy="auto", newest=600).start < 1500


@pytest.mark.parametrize("n", [150, 400])
def test_too_few_rows_tell_nothing(n):
    span = choose_span(PROBLEM, stream(turn=n // 2, n=n), KNOWN, strategy="auto")
    assert span.strategy == "all_history"
    assert span.gain is None


def test_a_known_configuration_says_what_a_refit_needs():
    later = {"rounds_exponent": 0.4, "row_selection": "auto"}  # unknown to earlier versions
    assert configuration_of(KNOWN) == CONFIGURATION | later


def test_a_quick_configuration_is_the_same_but_for_what_costs_time():
    fast = quick(KNOWN, 500)
    assert fast.best_params == {"learning_rate": 0.1, "num_leaves": 31, "min_child_samples": 10}
    assert (fast.best_rounds, fast.fold_rows) == (100, 500)
    assert KNOWN.best_params["num_leaves"] == 255
