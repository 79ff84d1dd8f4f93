"""Acceptance B8 and B10 of the scaling laws: fewer rows rank well, cost less, prune rightly."""

import numpy as np
import pytest
from optuna.samplers import RandomSampler
from sklearn.datasets import make_friedman1

from driftune.metrics import get_metric
from driftune.scaling.curves.trials import best_of
from driftune.tuning import Budget, tune
from driftune.tuning.families import Table, get_family
from driftune.tuning.families.lightgbm import LightGBMFolds
from driftune.tuning.splitters import Fold
from driftune.tuning.subsets import shrink

ROWS, COLUMNS, CONFIGURATIONS, KEPT = 24_000, 20, 24, 6


def draw_configurations(rng):
    """24 that differ in what matters; large steps, so that the test takes seconds."""
    ranges = {"learning_rate": (0.2, 0.8), "num_leaves": (3, 16), "min_data_in_leaf": (5, 200)}
    ranges |= {"lambda_l2": (0.01, 30.0), "feature_fraction": (0.5, 1.0)}
    logs = {name: np.log(limits) for name, limits in ranges.items()}
    for _ in range(CONFIGURATIONS):
        values = {name: float(np.exp(rng.uniform(*limits))) for name, limits in logs.items()}
        whole = {name: int(values[name]) for name in ("num_leaves", "min_data_in_leaf")}
        yield values | whole


@pytest.mark.slow  # 48 fits, 24 of them on 24,000 rows
def test_b8_an_eighth_of_the_rows_finds_the_best_for_less():
    X, y = make_friedman1(ROWS + 6000, n_features=COLUMNS, noise=2.0, random_state=0)
    whole = Fold(np.arange(ROWS), np.arange(ROWS, len(y)))
    (eighth,) = shrink(whole, [8], None, recent=False, seed=0)
    assert len(eighth.train) == ROWS // 8
    table = Table(X=X, y=y, n_categorical=0, n_classes=0, metric=get_metric("rmse"))
    fitter = get_family("lightgbm").fold_fitter(table, [eighth, whole], n_jobs=2, seed=0)
    losses, work = np.empty((2, CONFIGURATIONS)), np.empty((2, CONFIGURATIONS))
    for number, params in enumerate(draw_configurations(np.random.default_rng(0))):
        for level, fold in enumerate((eighth, whole)):
            fit = fitter.fit(level, params, stop=lambda: False)
            losses[level, number] = table.metric.loss(y[fold.valid], fit.prediction)
            work[level, number] = fit.work
    kept = np.argsort(losses[0])[:KEPT]
    best = losses[1].min()
    regret = losses[1, kept].min() / best - 1
    assert regret <= 0.015
    assert regret < (best_of(losses[1])[KEPT - 1] / best - 1) / 2, "any six would have done"
    assert work[0].sum() + work[1, kept].sum() <= 0.7 * work[1].sum()


@pytest.mark.parametrize(
    ("name", "rungs"), [("asha", None), ("hyperband", None), ("asha", [4, 2, 1])]
)
def test_b10_what_has_been_paid_on_all_rows_is_complete(
    regression, diabetes, name, rungs, monkeypatch
):
    paid = []
    fit = LightGBMFolds.fit

    def note(self, fold, params, *, stop):
        done = fit(self, fold, params, stop=stop)
        paid.append((tuple(sorted(params.items())), len(self.folds[fold].train)))
        return done

    monkeypatch.setattr(LightGBMFolds, "fit", note)
    space = {
        "learning_rate": {"type": "float", "low": 0.05, "high": 0.5},
        "num_leaves": {"type": "int", "low": 4, "high": 16},
    }
    trials = tune(
        regression, diabetes, space=space, budget=Budget(max_trials=30), n_jobs=1, n_folds=2,
        sampler=RandomSampler(seed=0), pruning=name, rungs=rungs,
    ).trials  # fmt: skip
    top = max(rows for _, rows in paid)
    on_all_rows = {params for params, rows in paid if rows == top}
    states = {"COMPLETE": set(), "PRUNED": set()}
    for state, params in zip(trials["state"], trials["params"], strict=True):
        states[state].add(tuple(sorted(params.items())))
    assert on_all_rows == states["COMPLETE"]
    assert states["PRUNED"], "else the test shows nothing"
