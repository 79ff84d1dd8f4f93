"""A sketch of a table: small, and enough to tell what a later one changed."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.problem import Problem
from driftune.tuning import prepare
from driftune.tuning.sketch import measure_drift, take_sketch


def weeks(first, last, *, shift=0.0, seed=0, target="y"):
    """Rows in which ``main`` makes the target and the season makes ``weather``, not the target."""
    rows = np.arange(first * 300, last * 300)
    draw = np.random.default_rng([seed, first, last])
    main = draw.normal(size=len(rows)) + shift
    return pd.DataFrame(
        {
            "weather": 10 * np.sin(rows / 1500) + draw.normal(size=len(rows)),
            "main": main,
            "kind": np.where(main > 0, "high", "low"),
            "empty_at_times": np.where(rows % 3, rows, np.nan),
            target: main * 3 + 0.3 * draw.normal(size=len(rows)),
        }
    ).assign(empty_at_times=lambda table: table["empty_at_times"] % 7)


def problem(metric="rmse", target="y"):
    return Problem(name="p", target=target, metric=metric)


def drift(before, now, metric="rmse"):
    sketch = json.loads(json.dumps(take_sketch(prepare(problem(metric), before))))
    return measure_drift(sketch, prepare(problem(metric), now))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 50), st.integers(100, 3000))
def test_a_table_has_not_drifted_from_itself(seed, rows):
    table = weeks(0, 13, seed=seed).head(rows)
    same = drift(table, table)
    assert same.mean == pytest.approx(0.0, abs=0.005)


def test_two_samples_of_the_same_have_hardly_drifted():
    table = weeks(0, 13).sample(frac=1.0, random_state=0)
    for rows in (100, 300, 1000):
        assert drift(table.iloc[:rows], table.iloc[rows : 2 * rows]).mean < 0.08


def test_a_season_that_says_nothing_about_the_target_is_no_drift():
    season = drift(weeks(0, 13), weeks(13, 26))
    assert season.mean < 0.05
    unweighted = take_sketch(prepare(problem(), weeks(0, 13)))
    for bins in unweighted["columns"].values():
        bins["w"] = 1.0
    assert measure_drift(unweighted, prepare(problem(), weeks(13, 26))).features > 0.15


def test_a_shift_of_what_makes_the_target_is_drift():
    planted = drift(weeks(0, 13), weeks(13, 26, shift=2.0))
    assert planted.mean > 0.25
    assert planted.column in {"main", "kind"}
    assert planted.target > 0.25


def test_a_column_that_is_gone_or_became_text_has_drifted():
    table = weeks(0, 13)
    assert drift(table, table.drop(columns="main")).features > 0.3
    assert drift(table, table.assign(main=table["kind"] + "!")).features > 0.3


def test_classes_are_compared_too():
    table = weeks(0, 13)
    labelled = table.assign(y=np.where(table["main"] > 1.0, "yes", "no"))
    assert drift(labelled, labelled, "roc_auc").mean < 0.005
    more = table.assign(y=np.where(table["main"] > -1.0, "yes", "no"))
    assert drift(labelled, more, "roc_auc").target > 0.25


def test_odd_types_are_read():
    table = weeks(0, 3)
    odd = table.assign(
        flag=table["main"] > 0,
        count=pd.array([None, *range(len(table) - 1)], dtype="Int64"),
        level=table["kind"].astype("category"),
        constant=1,
        endless=[np.inf, -np.inf, *([0.5] * (len(table) - 2))],
    )
    assert drift(odd, odd).mean == pytest.approx(0.0, abs=0.005)


def test_a_wide_table_has_a_sketch_as_small():
    draw = np.random.default_rng(0)
    names = [f"a rather long name of column number {i} of many" for i in range(300)]
    table = pd.DataFrame(draw.normal(size=(400, 300)) * 1e9, columns=names)
    table["y"] = table[names[150]] + draw.normal(size=400)
    sketch = take_sketch(prepare(problem(), table))
    assert len(json.dumps(sketch)) <= 3000
    first = next(iter(sketch["columns"]))
    assert first.startswith(names[150][:31]), "the most important column is kept"
    assert drift(table, table).mean == pytest.approx(0.0, abs=0.005)
    assert take_sketch(prepare(problem(), table), length=10) == {}
