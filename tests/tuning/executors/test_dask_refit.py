"""The final fit on two Dask worker processes: as good as the fit here, and served without Dask."""

import distributed
import numpy as np
import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.problem import Problem
from driftune.tuning import Budget, predict, refit, tune
from driftune.tuning.executors.dask_refit import refit_on_dask

dataframe = pytest.importorskip("dask.dataframe")
SPACE = {"num_leaves": {"type": "int", "low": 4, "high": 16}}


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
    ) as cluster:
        yield cluster.scheduler_address


def shops(n=2000):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"size": rng.normal(size=n), "city": rng.choice(["a", "b", "c", "d"], n), "id": range(n)}
    )
    effect = table["city"].map({"a": 0, "b": 5, "c": -5, "d": 2}).astype(float)
    table["sales"] = effect + table["size"] + rng.normal(scale=0.1, size=n)
    table["good"] = np.where(table["sales"] > 0, "yes", "no")
    table.loc[::17, "city"] = None
    table.loc[:300, "city"] = table.loc[:300, "city"].replace("d", "a")  # comes later only
    table.loc[::19, "sales"] = np.nan
    return table


@pytest.mark.slow  # two workers import LightGBM
@pytest.mark.parametrize(("target", "metric"), [("sales", "rmse"), ("good", "roc_auc")])
def test_is_as_good_as_the_fit_here_and_needs_no_dask_to_predict(address, target, metric):
    table = shops()
    problem = Problem(
        name="shops",
        target=target,
        metric=metric,
        ids=["id"],
        drop=[{"sales": "good"}.get(target, "sales")],
    )
    result = tune(problem, table, space=SPACE, budget=Budget(max_trials=1), n_jobs=1)
    here = refit(problem, table, result, n_jobs=1)
    there = refit_on_dask(
        problem, dataframe.from_pandas(table, npartitions=4), result, address=address
    )
    known = table[table[target].notna()]
    losses = [
        problem.metric_object.loss(
            known[target] if target == "sales" else (known[target] == "yes").astype(int),
            predict(model, known, problem.task),
        )
        for model in (here, there)
    ]
    assert losses[1] < max(1.1 * losses[0], 0.001)
    b, c, d = predict(there, known.iloc[:3].assign(city=["b", "c", "d"], size=0.0), problem.task)
    assert b > d > c
    if target == "good":
        assert set(there.predict(known)) == {"no", "yes"}


def test_what_it_cannot_do_is_refused(address):
    table = shops(200)
    problem = Problem(name="shops", target="good", metric="roc_auc", ids=["id"], drop=["sales"])
    result = tune(problem, table, space=SPACE, budget=Budget(max_trials=1), n_jobs=1)
    ordered = dataframe.from_pandas(table.sort_values("good"), npartitions=2, sort=False)
    with pytest.raises(DataError, match="shuffle"):
        refit_on_dask(problem, ordered, result, address=address)
