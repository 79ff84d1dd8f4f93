"""How the rounds of the final fit follow from those of the folds."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from driftune.problem import Problem
from driftune.scaling.curves.rounds import DEFAULT
from driftune.tuning import Budget, TuningResult, refit, tune
from driftune.tuning.known import configuration_of, known_result
from driftune.tuning.objective import EVALUATION
from driftune.tuning.rounds import MOST_GROWTH, find_exponent, scaled_rounds

FORWARD = (1000, 2000, 4000)
SPACE = {"num_leaves": {"type": "int", "low": 4, "high": 16}}


def trial(rounds, family="lightgbm", state=TrialState.COMPLETE, **facts):
    value = 1.0 if state == TrialState.COMPLETE else None
    facts = {"fold_scores": [1.0] * len(rounds), "fold_rounds": list(rounds)} | facts
    return create_trial(
        state=state, value=value, user_attrs={EVALUATION: facts}, params={"family": family},
        distributions={"family": CategoricalDistribution(["lightgbm", "xgboost"])},
    )  # fmt: skip


def exponent(trials, sizes=FORWARD, *, limited=False):
    study = optuna.create_study()
    study.add_trials(trials)
    folds = [SimpleNamespace(train=np.arange(size)) for size in sizes]
    return find_exponent(study.trials, folds, study.trials[0], limited=limited)


def growing(power, scale=10):
    return [round(scale * size**power) for size in FORWARD]


def test_the_exponent_is_that_of_the_studys_own_folds():
    trials = [trial(growing(0.6, scale)) for scale in (1, 3, 10, 30, 100)]
    assert exponent(trials) == pytest.approx(0.6, abs=0.01)
    assert exponent([trial([50, 50, 50])] * 5) == 0
    assert exponent(trials[:4]) == DEFAULT, "four trials do not tell"
    assert exponent(trials, limited=True) == DEFAULT, "trials were judged by that size"


def test_folds_of_nearly_one_size_tell_nothing():
    trials = [trial([50, 90, 20])] * 6
    assert exponent(trials, sizes=(1000, 1001, 1300)) == DEFAULT
    assert exponent(trials, sizes=FORWARD) == 0


def test_only_trials_that_found_their_best_round_count():
    known = [trial(growing(0.6, scale)) for scale in (1, 3, 10, 30, 100)]
    others = [
        trial([900, 90, 9], cut=True),
        trial([900, 90, 9], family="xgboost"),
        trial([900, 90], state=TrialState.PRUNED),
    ]
    assert exponent(known + others * 9) == exponent(known)


def test_rounds_never_shrink_and_do_not_explode():
    assert scaled_rounds(100, 1000, 500, 1.0) == 100
    assert scaled_rounds(100, 1000, 4000, 0.0) == 100
    assert scaled_rounds(100, 1000, 100_000, 1.0) == 100 * MOST_GROWTH
    assert scaled_rounds(1, 1000, 1001, 0.4) == 1


@pytest.fixture(scope="module")
def studied():
    """A study forward in time."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"t": range(600), "a": rng.normal(size=600), "b": rng.normal(size=600)})
    table["y"] = table["a"] * table["b"] + rng.normal(scale=0.3, size=600)
    problem = Problem(name="p", target="y", metric="rmse", time="t")
    settings = {"space": SPACE, "pruning": "none", "n_jobs": 1, "n_folds": 3}
    return problem, table, tune(problem, table, budget=Budget(max_trials=6), **settings)


def test_a_refit_grows_by_what_the_study_found(studied):
    problem, table, result = studied
    assert result.rounds_exponent != DEFAULT
    for power in (result.rounds_exponent, 0.8):
        model = refit(problem, table, replace(result, rounds_exponent=power), n_jobs=1)
        wanted = scaled_rounds(result.best_rounds, result.fold_rows, 600, power)
        assert model[-1].n_estimators == wanted
    assert wanted > result.best_rounds


def test_the_exponent_is_kept_and_older_records_have_the_default(studied):
    *_, result = studied
    kept = configuration_of(result)
    assert known_result(kept).rounds_exponent == result.rounds_exponent
    written = result.to_dict()
    assert TuningResult.from_dict(written).rounds_exponent == result.rounds_exponent
    for record in (kept, written):
        del record["rounds_exponent"]
    assert known_result(kept).rounds_exponent == DEFAULT
    assert TuningResult.from_dict(written).rounds_exponent == DEFAULT
