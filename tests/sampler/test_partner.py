"""The classical partner by name, and the Gaussian process without torch."""

from __future__ import annotations

import pickle

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from driftune.errors import MissingPackage, UsageError
from driftune.sampler import FixedShare, LLMTPESampler, gaussian_process, source_of
from driftune.sampler.acquisition import Acquisition, Evidence
from driftune.sampler.forwarding import ForwardingSampler
from driftune.sampler.gaussian_process import GaussianProcessSampler
from driftune.sampler.partner import AutoSampler
from driftune.sampler.surrogate import standardise
from driftune.sampler.unit_cube import from_unit, to_unit

optuna.logging.set_verbosity(optuna.logging.WARNING)

PARTNER_ONLY = FixedShare(0.0)


def bowl(trial):
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 2, 128, log=True)
    return np.log10(rate / 0.03) ** 2 + np.log2(leaves / 20) ** 2


def mixed(trial):
    return bowl(trial) + (trial.suggest_categorical("kind", ["a", "b", "c"]) != "b")


def conditional(trial):
    deep = trial.suggest_int("deep", 0, 1)
    return trial.suggest_float("x" if deep else "y", 0, 1)


def run(partner, function=bowl, n_trials=25, seed=0, **settings):
    sampler = LLMTPESampler(partner=partner, seed=seed, allocation=PARTNER_ONLY, **settings)
    study = optuna.create_study(sampler=sampler)
    study.optimize(function, n_trials=n_trials)
    return study


def sources(study):
    return {source_of(trial) for trial in study.trials}


def values(study):
    return [trial.value for trial in study.trials]


@pytest.mark.parametrize("function", [bowl, mixed])
def test_the_process_gets_closer_than_tpe(function):
    process = np.mean([run("gp", function, seed=seed).best_value for seed in range(3)])
    tpe = np.mean([run("tpe", function, seed=seed).best_value for seed in range(3)])
    assert process < 0.5 * tpe


def test_the_same_seed_gives_the_same_trials_and_another_one_others():
    first = run("gp", n_trials=9, seed=1)
    assert values(first) == values(run("gp", n_trials=9, seed=1))
    assert values(first) != values(run("gp", n_trials=9, seed=2))


def test_a_pickled_sampler_goes_on_where_it_stood():
    study = run("gp", n_trials=7)
    twin = pickle.loads(pickle.dumps(study))
    study.optimize(bowl, n_trials=2)
    twin.optimize(bowl, n_trials=2)
    assert values(study) == values(twin)


def test_auto_takes_the_process_on_flat_numbers_and_tpe_elsewhere():
    assert "gp" in sources(run("auto", n_trials=12))
    assert "gp" not in sources(run("auto", mixed, n_trials=12))
    assert "gp" not in sources(run("auto", conditional, n_trials=12))


def test_auto_leaves_long_studies_to_tpe():
    sampler = LLMTPESampler(partner="auto", seed=0, allocation=PARTNER_ONLY)
    study = optuna.create_study(sampler=sampler)
    rng = np.random.default_rng(0)
    space = {
        "rate": FloatDistribution(1e-4, 1.0, log=True),
        "leaves": IntDistribution(2, 128, log=True),
    }
    for value in rng.random(249):
        params = {name: from_unit(rng.random(), d) for name, d in space.items()}
        study.add_trial(create_trial(params=params, distributions=space, value=value))
    study.optimize(bowl, n_trials=2)
    assert [source_of(trial) for trial in study.trials[-2:]] == ["gp", "tpe"]


def test_without_scipy_gp_says_so_and_auto_is_tpe(monkeypatch):
    monkeypatch.setattr(gaussian_process, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install scipy"):
        LLMTPESampler(partner="gp")
    assert sources(run("auto", n_trials=12)) == {"random", "tpe"}


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="'auto'"):
        LLMTPESampler(partner="atuo")


def test_infinite_pruned_failed_and_infeasible_trials_do_no_harm():
    def hostile(trial):
        value = bowl(trial)
        if trial.number % 5 == 1:
            return float("inf")
        if trial.number % 5 == 2:
            raise optuna.TrialPruned
        if trial.number % 5 == 3:
            return float("nan")
        trial.set_constraint("leaves", trial.params["leaves"] - 64)
        return value

    study = run("gp", hostile, n_trials=30)
    states = {trial.state for trial in study.trials}
    assert {TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE} <= states
    assert study.best_value < 0.5
    assert study.best_params["leaves"] <= 64


def test_an_exhausted_space_does_not_stop_the_study():
    study = run("gp", lambda trial: trial.suggest_int("n", 0, 3), n_trials=12)
    assert {trial.params["n"] for trial in study.trials} == {0, 1, 2, 3}


def test_candidates_are_new_and_stand_where_values_stand():
    space = [IntDistribution(1, 40, log=True), FloatDistribution(0, 1, step=0.25),
             CategoricalDistribution(["a", "b"])]  # fmt: skip
    rng = np.random.default_rng(0)
    points = np.array([[to_unit(from_unit(u, d), d) for d in space] for u in rng.random(8)])
    pending = np.array([[to_unit(from_unit(0.9, d), d) for d in space]])
    for seed in range(5):
        evidence = Evidence(points, rng.random(8), pending, space, np.ones(3), np.full(8, np.nan))
        found = Acquisition(evidence).find_best(np.random.default_rng(seed))
        placed = [to_unit(from_unit(u, d), d) for u, d in zip(found, space, strict=True)]
        assert found == pytest.approx(placed, abs=1e-9)
        assert min(abs(np.vstack([points, pending]) - found).max(axis=1)) > 1e-6


def sample_in_box(study, box, n=10):
    """Ask the process directly for configurations of a box, as a dynamic search space does."""
    sampler = GaussianProcessSampler(seed=0)
    trials = [study.ask() for _ in range(n)]
    return [sampler.sample_relative(study, study._storage.get_trial(t._trial_id), box)
            for t in trials]  # fmt: skip


def test_candidates_stay_in_a_narrower_box():
    study = run("gp", n_trials=15)
    box = {
        "rate": FloatDistribution(1e-3, 5e-3, log=True),
        "leaves": IntDistribution(33, 40, log=True),
    }
    for params in sample_in_box(study, box):
        assert 1e-3 <= params["rate"] <= 5e-3
        assert params["leaves"] in range(33, 41) and type(params["leaves"]) is int


def test_trials_outside_the_box_teach_the_process():
    """No trial lies in the box, yet the first guess is next to the box's best corner."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    wide = {"x": FloatDistribution(-10, 10), "y": FloatDistribution(-10, 10)}
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(-10, 10, size=(40, 2)):
        if max(abs(x - 1), abs(y - 1)) > 1:
            value = (x - 2) ** 2 + (y - 0.5) ** 2
            trial = create_trial(params={"x": x, "y": y}, distributions=wide, value=value)
            study.add_trial(trial)
    box = {"x": FloatDistribution(0, 2), "y": FloatDistribution(0, 2)}
    (guess,) = sample_in_box(study, box, n=1)
    assert guess == {"x": pytest.approx(2, abs=0.2), "y": pytest.approx(0.5, abs=0.3)}


def test_what_fails_is_not_tried_again_and_again():
    """The best corner fails: the process must leave it, as it would not if it did not know."""

    def fragile(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        if x > 0.7 and y > 0.7:
            raise ValueError("out of memory")
        return -x - y

    sampler = GaussianProcessSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(fragile, n_trials=30, catch=ValueError)
    failed = sum(trial.state == TrialState.FAIL for trial in study.trials)
    assert 1 <= failed <= 12
    assert study.best_value < -1.5


def test_start_up_trials_of_either_engine_lie_in_the_box_and_differ():
    box = {"x": FloatDistribution(0.4, 0.5), "y": FloatDistribution(0.0, 0.1)}
    for sampler in (GaussianProcessSampler(seed=3), AutoSampler(seed=3)):
        study = optuna.create_study(sampler=sampler)
        trials = [study._storage.get_trial(study.ask()._trial_id) for _ in range(4)]
        drawn = [sampler.sample_relative(study, trial, box) for trial in trials]
        assert all(0.4 <= params["x"] <= 0.5 and 0 <= params["y"] <= 0.1 for params in drawn)
        assert len({params["x"] for params in drawn}) == 4


def test_a_new_seed_and_the_ends_of_trials_reach_every_inner_sampler():
    told = []

    class Listener(optuna.samplers.RandomSampler):
        def reseed_rng(self):
            told.append("reseed")

        def before_trial(self, study, trial):
            told.append("before")

        def after_trial(self, study, trial, state, values):
            told.append(state.name)

    class Holder(ForwardingSampler):
        def infer_relative_search_space(self, study, trial):
            return {}

        def sample_relative(self, study, trial, search_space):
            return {}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return 0.5

    sampler = Holder(Listener(), Listener())
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    sampler.reseed_rng()
    assert told == ["before"] * 2 + ["COMPLETE"] * 2 + ["reseed"] * 2


def test_neither_view_of_the_losses_depends_on_their_unit():
    losses = np.array([0.3, 0.1, 0.1, 5.0, 1e6, 0.2])
    for by_rank in (False, True):
        seen = standardise(losses, by_rank=by_rank)
        assert np.allclose(seen, standardise(10 * losses - 3, by_rank=by_rank))
        assert (np.argsort(seen, kind="stable") == np.argsort(losses, kind="stable")).all()
        assert seen[1] == seen[2] and seen.mean() == pytest.approx(0)
    ranks = standardise(losses, by_rank=True)
    assert np.allclose(ranks, standardise(np.log(losses), by_rank=True))
