"""What the samplers make of pruned trials: their objective's own forecast, and nothing else."""

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from driftune.sampler import LLMTPESampler
from driftune.sampler.gaussian_process import GaussianProcessSampler
from driftune.sampler.prompt import describe_trial

UNIT = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
STEEPNESS = np.array([8.0, 4.0, 2.0, 1.0, 0.5])
CENTRE = np.array([0.3, 0.6, 0.2, 0.7, 0.5])


def pruned(x, y, *, values=None, diagnostics=None, constraints=None):
    attributes = {} if diagnostics is None else {"diagnostics": diagnostics}
    return create_trial(
        state=TrialState.PRUNED, params={"x": x, "y": y}, distributions=UNIT,
        intermediate_values=values or {}, user_attrs=attributes, constraints=constraints,
    )  # fmt: skip


def proposals(*, direction="minimize", extra=(), sampler=None):
    """The next configuration, after six trials that get better with x and those of ``extra``."""
    study = optuna.create_study(
        direction=direction, sampler=sampler or GaussianProcessSampler(seed=0)
    )
    sign = 1 if direction == "minimize" else -1
    for x in (0.05, 0.2, 0.35, 0.5, 0.6, 0.7):
        value = sign * (1 - x)
        params = {"x": x, "y": 0.5}
        study.add_trial(create_trial(value=value, params=params, distributions=UNIT))
    for trial in extra:
        study.add_trial(trial)
    return study.ask(UNIT).params


def test_values_of_other_peoples_steps_are_not_read_as_results():
    silent = [pruned(0.95, y) for y in (0.2, 0.5, 0.8)]
    early = [pruned(0.95, y, values={1: -50.0, 3: -99.0}) for y in (0.2, 0.5, 0.8)]
    assert proposals(extra=early) == proposals(extra=silent)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_forecast_counts(direction):
    sign = 1 if direction == "minimize" else -1

    def ask(forecast):
        told = {"predicted": sign * forecast}
        extra = [pruned(0.95, y, diagnostics=told) for y in (0.1, 0.3, 0.5, 0.7, 0.9)]
        return proposals(direction=direction, extra=extra)

    assert ask(5.0)["x"] < 0.9, "the end of the slope is known to be bad"
    assert ask(0.35)["x"] > ask(5.0)["x"]


@pytest.mark.parametrize("odd", [{"predicted": float("nan")}, {"predicted": "2"}, "a note", [1, 2]])
def test_an_odd_forecast_is_none(odd):
    silent = [pruned(0.95, y) for y in (0.2, 0.8)]
    odd_ones = [pruned(0.95, y, diagnostics=odd) for y in (0.2, 0.8)]
    assert proposals(extra=odd_ones) == proposals(extra=silent)


def test_a_forecast_is_never_better_than_what_was_seen():
    def ask(forecast):
        extra = [pruned(0.1, y, diagnostics={"predicted": forecast}) for y in (0.3, 0.7)]
        return proposals(extra=extra)

    assert ask(-1000.0) == ask(0.3), "0.3 is the best that was seen to the end"


def test_the_language_model_reads_the_forecast():
    row = describe_trial(pruned(0.1, 0.2, values={9: 1.0}, diagnostics={"predicted": 0.5}))
    assert row["state"] == "pruned"
    assert row["value"] is None
    assert row["predicted"] == 0.5


def race(sampler, *, prune, n_trials=25):
    """Folds one by one; a trial that is behind the best by more than noise stops, as ours do."""
    from driftune.tuning.race import predict_loss

    completed = []
    tilt = np.random.default_rng(5).normal(size=(3, 5))

    def objective(trial):
        at = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(5)])
        value = STEEPNESS @ (at - CENTRE) ** 2
        folds = value + np.array([0.0, 0.5, -0.4]) + 0.1 * value * np.sin(tilt @ at)
        loss, hopeless = predict_loss(completed, folds[:1])
        if prune and hopeless:
            trial.report(loss, 1)
            trial.set_user_attr("diagnostics", {"predicted": loss})
            raise optuna.TrialPruned
        completed.append(folds)
        return folds.mean()

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_study_with_pruning_ends_as_well_as_one_without():
    best = {True: [], False: []}
    for prune, values in best.items():
        for seed in range(3):
            study = race(GaussianProcessSampler(seed=seed), prune=prune)
            values.append(study.best_value)
            states = [trial.state for trial in study.trials]
            assert (states.count(TrialState.PRUNED) >= 3) == prune
    assert np.mean(best[True]) < np.mean(best[False]) + 0.01


def test_a_resumed_study_knows_the_forecasts(tmp_path):
    storage = f"sqlite:///{tmp_path / 's.db'}"
    told = {"predicted": 5.0}
    study = optuna.create_study(study_name="s", storage=storage)
    for x in (0.05, 0.2, 0.35, 0.5, 0.6, 0.7):
        params = {"x": x, "y": 0.5}
        study.add_trial(create_trial(value=1 - x, params=params, distributions=UNIT))
    for y in (0.1, 0.3, 0.5, 0.7, 0.9):
        study.add_trial(pruned(0.95, y, diagnostics=told))
    again = optuna.load_study(
        study_name="s", storage=storage, sampler=GaussianProcessSampler(seed=0)
    )
    assert again.ask(UNIT).params["x"] < 0.9


def test_tpes_rating_puts_the_better_of_two_pruned_trials_first():
    from driftune.sampler.rating import rate

    def favours_left(left, right):
        study = optuna.create_study(sampler=LLMTPESampler(seed=0, partner="tpe"))
        rng = np.random.default_rng(0)
        for centre, value in ((0.2, left), (0.8, right)):
            for _ in range(10):
                x, y = np.clip(rng.normal(centre, 0.05), 0, 1), rng.random()
                study.add_trial(pruned(x, y, values={3: value}))
        asked = study.ask()
        frozen = study.get_trials(deepcopy=False)[asked.number]
        tpe = optuna.samplers.TPESampler(seed=0)
        where = [{"x": 0.2, "y": 0.5}, {"x": 0.8, "y": 0.5}]
        here, there = rate(tpe, study, frozen, UNIT, where, good_share=0.5)
        return here > there

    assert favours_left(1.0, 2.0)
    assert not favours_left(2.0, 1.0)
