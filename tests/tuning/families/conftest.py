"""A small table with missing numbers, missing categories and one target for each task."""

import numpy as np
import pandas as pd
import pytest

from driftune.problem import Problem

TARGETS = {
    "rmse": "sales",
    "mae": "sales",
    "roc_auc": "late",
    "log_loss": "late",
    "accuracy": "kind",
}


@pytest.fixture(scope="session")
def shops():
    rng = np.random.default_rng(0)
    n = 240
    table = pd.DataFrame({"size": rng.normal(size=n), "staff": rng.normal(size=n)})
    table["city"] = rng.choice(["a", "b", "c", "d"], n)
    effect = table["city"].map({"a": 0, "b": 5, "c": -5, "d": 2}).astype(float)
    sales = 100 + 10 * (effect + 2 * table["size"] + rng.normal(scale=0.2, size=n))
    table.loc[::17, "city"] = None
    table.loc[::13, "size"] = np.nan
    table["sales"] = sales
    table["late"] = np.where(sales > 110, "yes", "no")
    table["kind"] = pd.cut(sales, [-np.inf, 80, 120, np.inf], labels=["low", "mid", "top"])
    return table


@pytest.fixture
def make_problem():
    def make(metric):
        target = TARGETS[metric]
        others = sorted(set(TARGETS.values()) - {target})
        return Problem(name="shops", target=target, metric=metric, drop=tuple(others))

    return make
