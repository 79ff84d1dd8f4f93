"""The veto's rating: each engine's own opinion of configurations that another one proposed."""

from __future__ import annotations

import time

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.samplers._tpe.sampler import _split_trials, default_gamma

from driftune.sampler.gaussian_process import GaussianProcessSampler
from driftune.sampler.partner import AutoSampler
from driftune.sampler.rating import rate

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "leaves": IntDistribution(2, 128, log=True),
    "share": FloatDistribution(0.0, 1.0, step=0.05),
    "kind": CategoricalDistribution(["a", "b", "c"]),
}
ENGINES = [TPESampler(seed=0), GaussianProcessSampler(seed=0), AutoSampler(seed=0)]


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 2, 128, log=True)
    share = trial.suggest_float("share", 0.0, 1.0, step=0.05)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return np.log10(rate / 0.03) ** 2 + np.log2(leaves / 20) ** 2 + share + (kind != "b")


def make_study(n_trials, direction="minimize"):
    study = optuna.create_study(sampler=RandomSampler(seed=0), direction=direction)
    sign = 1 if direction == "minimize" else -1
    study.optimize(lambda trial: sign * objective(trial), n_trials=n_trials)
    return study


def rate_all(engine, study, configurations, space=SPACE):
    trial = study._storage.get_trial(study.ask()._trial_id)
    return rate(engine, study, trial, space, configurations)


def draw(n, seed=1):
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    return [study.ask(SPACE).params for _ in range(n)]


GOOD = {"rate": 0.03, "leaves": 20, "share": 0.0, "kind": "b"}
BAD = {"rate": 1e-4, "leaves": 2, "share": 1.0, "kind": "c"}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: type(engine).__name__)
def test_a_good_configuration_is_rated_above_most_and_a_bad_one_below(engine, direction):
    study = make_study(60, direction)
    sign = 1 if direction == "minimize" else -1
    worst = max(study.trials, key=lambda trial: sign * trial.value).params
    ratings = rate_all(engine, study, [GOOD, worst, *draw(40)])
    assert ratings.shape == (42,) and np.isfinite(ratings).all()
    assert ratings[0] > np.quantile(ratings[2:], 0.8)
    assert ratings[1] < np.quantile(ratings[2:], 0.2)


def test_the_densities_agree_with_those_of_optuna():
    study = make_study(60)
    candidates = draw(60)
    ours = rate_all(TPESampler(seed=0), study, candidates)
    sampler = TPESampler(seed=0)
    done = [t for t in study.trials if t.state.is_finished()]
    good, other = (
        sampler._build_parzen_estimator(study, SPACE, part, handle_below=is_good)
        for part, is_good in zip(
            _split_trials(study, done, default_gamma(len(done))), (True, False), strict=True
        )
    )
    values = {
        name: np.array([d.to_internal_repr(params[name]) for params in candidates])
        for name, d in SPACE.items()
    }
    theirs = sampler._compute_acquisition_func(values, good, other)
    assert np.corrcoef(np.argsort(np.argsort(ours)), np.argsort(np.argsort(theirs)))[0, 1] > 0.95


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: type(engine).__name__)
def test_a_box_leaves_the_order_of_its_configurations_nearly_as_it_was(engine):
    """Trials outside of it still count; numbers outside of it can be rated."""
    study = make_study(60)
    box = {**SPACE, "rate": FloatDistribution(1e-3, 1.0, log=True)}
    candidates = [GOOD, BAD, *draw(40)]
    wide, narrow = rate_all(engine, study, candidates), rate_all(engine, study, candidates, box)
    assert np.isfinite(narrow).all()
    assert np.corrcoef(np.argsort(np.argsort(wide)), np.argsort(np.argsort(narrow)))[0, 1] > 0.8


def test_there_is_no_rating_without_a_model_or_enough_trials():
    few, many = make_study(4), make_study(12)
    for engine in ENGINES:
        assert rate_all(engine, few, [GOOD]) is None
        assert rate_all(engine, many, [GOOD]) is not None
    assert rate_all(RandomSampler(seed=0), many, [GOOD]) is None
    assert rate_all(TPESampler(seed=0), many, [], {}) is None


def test_pruned_infeasible_and_infinite_trials_can_be_rated():
    def hostile(trial):
        value = objective(trial)
        trial.set_constraint("share", trial.params["share"] - 0.7)
        if trial.number % 5 == 0:
            trial.report(value, 1)
            raise optuna.TrialPruned
        return float("inf") if trial.number % 5 == 1 else value

    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(hostile, n_trials=50)
    for engine in ENGINES:
        ratings = rate_all(engine, study, [GOOD, BAD, *draw(20)])
        assert np.isfinite(ratings).all()
        assert ratings[0] > ratings[1]


def test_a_rating_takes_no_longer_than_a_suggestion():
    study = make_study(50)
    candidates = draw(40)
    rate_all(TPESampler(seed=0), study, candidates)
    began = time.process_time()
    for _ in range(5):
        rate_all(TPESampler(seed=0), study, candidates)
    assert (time.process_time() - began) / 5 < 0.1
