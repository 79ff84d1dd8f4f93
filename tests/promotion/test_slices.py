"""A slice that pays for the gain of all is named; noise in many small slices is not."""

import numpy as np
import pandas as pd
import pytest

from driftune.errors import UsageError
from driftune.problem import Problem
from driftune.promotion import Gate, Guards, cut_slices, hold_out_newest

QUICK = Gate(n_resamples=300)


def models(seed, n=4000, levels=10):
    """A challenger with a tenth less error everywhere, and a column that cuts the rows."""
    rng = np.random.default_rng(seed)
    y = rng.normal(100, 30, size=n)
    shared, ours, theirs = rng.normal(size=(3, n))
    table = pd.DataFrame({"carrier": rng.choice([f"C{i}" for i in range(levels)], size=n)})
    return table, y, y + 0.9 * (2 * shared + ours), y + 2 * shared + theirs


def judge(gate, table, y, ours, theirs, columns=("carrier",)):
    guards = Guards(slices=cut_slices(table, columns, min_rows=gate.min_slice_rows))
    return gate.judge(y, ours, theirs, metric="rmse", guards=guards)


def test_a_slice_that_is_much_worse_is_named_and_refuses_the_challenger():
    table, y, ours, theirs = models(0)
    hurt = (table["carrier"] == "C3").to_numpy()
    ours[hurt] = y[hurt] + 1.4 * (theirs[hurt] - y[hurt])
    verdict = judge(QUICK, table, y, ours, theirs)
    assert verdict.improvement.low > 0.01  # better on the whole
    assert not verdict.promoted
    assert "carrier = C3" in verdict.reason
    assert f"{hurt.sum():,} rows" in verdict.reason
    assert verdict.slices[0].name == "carrier = C3"
    assert verdict.slices_judged == 10
    assert judge(Gate(n_resamples=300, max_slice_loss=0.5), table, y, ours, theirs).promoted
    assert QUICK.judge(y, ours, theirs, metric="rmse").promoted  # nobody asked for slices


def test_a_slice_with_few_rows_decides_nothing():
    table, y, ours, theirs = models(1)
    rare = np.arange(len(y)) % 50 == 0  # 80 rows
    table.loc[rare, "carrier"] = "rare"
    ours[rare] = y[rare] + 1.8 * (theirs[rare] - y[rare])
    assert judge(QUICK, table, y, ours, theirs).promoted
    few = Gate(n_resamples=300, min_slice_rows=50)
    assert "carrier = rare" in judge(few, table, y, ours, theirs).reason


def test_among_many_slices_of_equal_models_noise_names_none():
    named = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=6000)
        shared, ours, theirs = rng.normal(size=(3, 6000))
        table = pd.DataFrame({"origin": rng.choice([f"O{i}" for i in range(40)], size=6000)})
        strict = Gate(n_resamples=100, max_slice_loss=0.0)
        # a touch better everywhere, so that only the slices can refuse
        pair = y + 0.97 * (shared + ours), y + shared + theirs
        verdict = judge(strict, table, y, *pair, columns=("origin",))
        assert verdict.slices_judged > 30
        named += any(s.improvement.high < 0 for s in verdict.slices)
    assert named <= 5  # at most 2.5 % of 60 are 1.5; six or more has a chance below 1 %


def test_numbers_are_cut_into_quarters_and_missing_values_are_a_slice():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"distance": rng.uniform(100, 2000, size=1000)})
    table.loc[:149, "distance"] = np.nan
    table["month"] = np.arange(1000) % 12
    slices = cut_slices(table, ["distance", "month"], min_rows=50)
    quarters = [mask for name, mask in slices.items() if name.startswith("distance 1")]
    assert len([name for name in slices if " to " in name]) == 4
    assert slices["distance missing"].sum() == 150
    assert sum(name.startswith("month = ") for name in slices) == 12
    assert all(200 < mask.sum() < 225 for mask in quarters)
    assert sum(mask for name, mask in slices.items() if "distance" in name).tolist() == [1] * 1000


def test_rows_without_a_label_belong_to_no_slice():
    table, y, ours, theirs = models(3)
    y = y.copy()
    y[(table["carrier"] == "C1").to_numpy()] = np.nan
    verdict = judge(QUICK, table, y, ours, theirs)
    assert verdict.slices_judged == 9


def test_the_metric_may_be_undefined_in_a_slice():
    table, _, _, _ = models(4)
    rng = np.random.default_rng(4)
    late = rng.random(len(table)) < 0.3
    late[(table["carrier"] == "C2").to_numpy()] = False
    score = [1 / (1 + np.exp(-(k * late + rng.normal(size=len(late))))) for k in (2, 1)]
    guards = Guards(slices=cut_slices(table, ["carrier"], min_rows=100))
    verdict = QUICK.judge(late, *score, metric="roc_auc", guards=guards)
    assert verdict.promoted
    assert verdict.slices_judged == 9


def test_an_unknown_column_is_named_with_the_setting():
    with pytest.raises(UsageError, match=r"gate\.slices.*'carier'.*'carrier'"):
        cut_slices(models(5)[0], ["carier"], min_rows=10)


def test_an_unknown_column_is_known_before_any_search():
    rows = models(6)[0].assign(y=1.0, t=range(4000))
    problem = Problem(name="p", target="y", metric="rmse", time="t")
    with pytest.raises(UsageError, match=r"gate\.slices.*'origin'"):
        hold_out_newest(rows, problem, Gate(holdout=0.2, slices=("origin",)))
    assert hold_out_newest(rows, problem, Gate(holdout=0.2, slices=("carrier",)))
