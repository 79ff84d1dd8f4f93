"""``tune(workers=...)`` and ``tune(executor="join")`` in this process."""

import optuna
import pandas as pd
import pytest

from driftune.errors import DriftuneError
from driftune.tuning import Budget, tune
from driftune.tuning.families.lightgbm import LightGBMFolds

FAST = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.3},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
}


@pytest.mark.slow  # two processes import LightGBM
def test_worker_processes_find_the_scores_that_this_process_finds(regression, diabetes):
    settings = {
        "space": {"learning_rate": FAST["learning_rate"]},
        "pruning": "none",
        "budget": Budget(max_trials=8, max_seconds=None),
    }
    tables = [
        tune(
            regression, diabetes, workers=workers, n_jobs=2,
            sampler=optuna.samplers.RandomSampler(seed=0), **settings,
        ).trials
        for workers in (1, 2)
    ]  # fmt: skip
    assert [set(table["state"]) for table in tables] == [{"COMPLETE"}] * 2
    assert [len(table) for table in tables] == [8, 8]
    here, there = ({str(row.params): row.value for row in table.itertuples()} for table in tables)
    assert here == pytest.approx(there), "a seed draws the same configurations, in some order"


def test_join_goes_on_alone_and_returns_the_same(regression, diabetes, tmp_path):
    settings = {"space": FAST, "executor": "join", "storage": tmp_path / "study.db", "n_jobs": 1}
    first = tune(regression, diabetes, budget=Budget(max_trials=4), **settings)
    second = tune(regression, diabetes, budget=Budget(max_trials=4), **settings)
    assert first.best_params == second.best_params
    pd.testing.assert_frame_equal(first.trials, second.trials)


def test_a_trial_that_was_taken_for_lost_does_not_end_the_study(
    regression, diabetes, tmp_path, monkeypatch
):
    """As when a laptop slept, and another process looked first."""
    path = tmp_path / "study.db"
    fit, calls = LightGBMFolds.fit, []

    def sleeps(self, fold, params, *, stop):
        calls.append(fold)
        if len(calls) == 4:
            url = f"sqlite:///{path}"
            study = optuna.load_study(study_name=optuna.get_all_study_names(url)[0], storage=url)
            study.tell(study.trials[-1].number, state=optuna.trial.TrialState.FAIL)
        return fit(self, fold, params, stop=stop)

    monkeypatch.setattr(LightGBMFolds, "fit", sleeps)
    result = tune(
        regression, diabetes, space=FAST, storage=path, n_jobs=1, pruning="none",
        budget=Budget(max_trials=4),
    )  # fmt: skip
    assert sorted(result.trials["state"]) == ["COMPLETE"] * 4 + ["FAIL"]


def test_a_lost_pool_is_an_error_and_burns_no_trials(regression, diabetes, tmp_path, monkeypatch):
    from driftune.tuning.executors.ending import PoolLost
    from driftune.tuning.executors.local import ThreadFolds

    def lost(self, order):
        raise PoolLost("The cluster is gone.")

    settings = {"space": FAST, "storage": tmp_path / "study.db", "budget": Budget(max_trials=3)}
    with monkeypatch.context() as patch:
        patch.setattr(ThreadFolds, "submit", lost)
        with pytest.raises(DriftuneError, match=r"cluster is gone.*goes on"):
            tune(regression, diabetes, **settings)
    states = tune(regression, diabetes, **settings).trials["state"].tolist()
    assert states.count("COMPLETE") + states.count("PRUNED") == 3
