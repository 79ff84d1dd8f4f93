"""Pruning by rows: who is promoted, who is never stopped, and what a stopped trial is worth."""

import json
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from driftune.errors import UsageError
from driftune.loop.search import search_table
from driftune.scaling.advise.rungs import ETA
from driftune.settings import load_settings
from driftune.tuning import Budget, tune
from driftune.tuning.brackets import Brackets, first_rung
from driftune.tuning.families.lightgbm import LightGBMFolds
from driftune.tuning.fold_work import FoldOrder, FoldWork, TrialCut, fit_fold
from driftune.tuning.ladder import Ladder, Rung
from driftune.tuning.objective import EVALUATION, PREDICTED, Objective
from driftune.tuning.pruning import Pruning
from driftune.tuning.splitters import Fold

FAST = {
    "learning_rate": {"type": "float", "low": 0.05, "high": 0.5},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
    "min_data_in_leaf": {"type": "int", "low": 5, "high": 40},
}
LOWEST = 100


def three_rungs():
    return Ladder([], [Rung(LOWEST * ETA**level, (), ETA ** (2 - level)) for level in range(3)])


@dataclass
class Climber:
    """An objective that is asked as ours is; its value is the same on every rung."""

    ladder: Ladder
    begun: list = field(default_factory=list)

    def __call__(self, trial):
        x = trial.suggest_float("x", 0, 1)
        start = first_rung(trial)
        self.begun.append(start)
        for rung in self.ladder.rungs[start:-1]:
            trial.report(x, rung.rows)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x


def climb(name, n_trials=120):
    ladder = three_rungs()
    study = optuna.create_study(
        study_name="s", pruner=Pruning(name).pruner(ladder),
        sampler=optuna.samplers.RandomSampler(seed=1),
    )  # fmt: skip
    objective = Climber(ladder)
    study.optimize(objective, n_trials=n_trials)
    return study, objective


def promotions(values, parts=(9, 3, 1)):
    """Asynchronous successive halving by hand: the fates of trials that come in this order."""
    rungs = [[] for _ in parts[1:]]
    for value in values:
        level = 0
        while level < len(rungs):
            rungs[level].append(value)
            keep = max(1, len(rungs[level]) * parts[level + 1] // parts[level])
            if value > sorted(rungs[level])[keep - 1]:
                break
            level += 1
        yield level


def test_promotions_are_those_of_successive_halving():
    study, _ = climb("asha")
    reached = [len(t.intermediate_values) - (t.state.name == "PRUNED") for t in study.trials]
    assert reached == list(promotions([t.params["x"] for t in study.trials]))
    assert 0 < reached.count(2) < len(reached) / 4


@pytest.mark.parametrize("parts", [(8, 1), (4, 2, 1), (27, 3, 1)])
def test_uneven_rungs_promote_as_large_a_part_as_they_are_of_the_next(parts):
    ladder = Ladder([], [Rung(5400 // part, (), part) for part in parts])
    study = optuna.create_study(
        direction="maximize", pruner=Pruning("auto", parts).pruner(ladder),
        sampler=optuna.samplers.RandomSampler(seed=1),
    )  # fmt: skip
    study.optimize(Climber(ladder), n_trials=120)
    reached = [len(t.intermediate_values) - (t.state.name == "PRUNED") for t in study.trials]
    assert reached == list(promotions([-t.params["x"] for t in study.trials], parts))
    assert len(set(reached)) == len(parts)


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_a_trial_that_reached_the_top_is_complete(name):
    study, _ = climb(name)
    assert study.best_trial.state.name == "COMPLETE"
    top_but_one = LOWEST * ETA
    for trial in study.trials:
        assert LOWEST * ETA**2 not in trial.intermediate_values
        if trial.state.name == "COMPLETE" and trial.intermediate_values:
            assert max(trial.intermediate_values) == top_but_one


def test_a_higher_bracket_does_not_pay_for_the_rungs_below():
    study, objective = climb("hyperband")
    assert {0, 1, 2} == set(objective.begun)
    assert objective.begun.count(0) > max(objective.begun.count(1), objective.begun.count(2))
    for trial, start in zip(study.trials, objective.begun, strict=True):
        steps = sorted(trial.intermediate_values)
        assert steps == [LOWEST * ETA**level for level in range(start, start + len(steps))]
        if start == 2:
            assert trial.state.name == "COMPLETE"


@pytest.mark.parametrize("n_rungs", [2, 3, 4, 5, 6])
def test_there_are_as_many_brackets_as_rungs(n_rungs):
    brackets = Brackets(1, n_rungs)
    study = optuna.create_study()
    starts = {brackets.first_rung(study, SimpleNamespace(number=n)) for n in range(3000)}
    assert starts == set(range(n_rungs))


def test_a_sampler_is_shown_all_brackets():
    ladder = three_rungs()
    seen = []

    class Curious(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            seen.append(len(study.get_trials(deepcopy=False)))
            return {}

    study = optuna.create_study(pruner=Pruning("bohb").pruner(ladder), sampler=Curious(seed=0))
    study.optimize(Climber(ladder), n_trials=6)
    assert seen == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["asha", "hyperband", "bohb"])
def test_tune_by_rungs(regression, diabetes, name, monkeypatch):
    rows = []
    fit = LightGBMFolds.fit

    def note(self, fold, params, *, stop):
        rows.append((tuple(sorted(params.items())), len(self.folds[fold].train)))
        return fit(self, fold, params, stop=stop)

    monkeypatch.setattr(LightGBMFolds, "fit", note)
    incumbent = {"learning_rate": 0.05, "num_leaves": 4, "min_data_in_leaf": 20}
    result = tune(
        regression, diabetes, space=FAST, budget=Budget(max_trials=20), n_jobs=1, pruning=name,
        n_folds=3, warm_start=[incumbent],
    )  # fmt: skip
    trials = result.trials
    assert set(trials["state"]) == {"COMPLETE", "PRUNED"}
    assert len(trials) == 20
    assert trials["state"][0] == "COMPLETE", "the incumbent's score on all rows is wanted"
    assert trials["params"][0] == incumbent
    assert trials["state"][1] == "COMPLETE", "and the library default's, though it is worse"
    assert min(r for _, r in rows) < max(r for _, r in rows) / 2
    pruned = trials[trials["state"] == "PRUNED"]
    paid = {p: max(r for q, r in rows if q == p) for p, _ in rows}
    for params in pruned["params"]:
        assert paid[tuple(sorted(params.items()))] < 150, "no more than a third of the rows"
    begins_on_top = [p for p in paid if min(r for q, r in rows if q == p) > 150]
    assert bool(begins_on_top) == (name != "asha"), "a higher bracket skips the rungs below"
    json.dumps(result.to_dict(), allow_nan=False)


def test_no_pruning_completes_every_trial(regression, diabetes):
    result = tune(
        regression, diabetes, space=FAST, budget=Budget(max_trials=10), n_jobs=1, pruning="none"
    )
    assert set(result.trials["state"]) == {"COMPLETE"}


@pytest.mark.parametrize(("name", "step"), [("asha", 98), ("race", 295)])
def test_a_stopped_trial_tells_what_it_would_have_scored(regression, diabetes, name, step):
    studies = []

    class Witness(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            studies.append(study)
            return {}

    result = tune(
        regression, diabetes, space=FAST, budget=Budget(max_trials=20), n_jobs=1, pruning=name,
        n_folds=3, sampler=Witness(seed=1),
    )  # fmt: skip
    pruned = [t for t in studies[0].trials if t.state.name == "PRUNED"]
    assert pruned
    for trial in pruned:
        told = trial.user_attrs[EVALUATION]
        assert told[PREDICTED] >= result.best_value
        assert told["rows"] == max(trial.intermediate_values) == step


def test_unknown_and_contradicting_settings_are_refused(regression, diabetes):
    with pytest.raises(UsageError, match="hyperband"):
        tune(regression, diabetes, pruning="hyperbnad")
    with pytest.raises(UsageError, match="hyperband"):
        tune(regression, diabetes, pruning="bohb", sampler=optuna.samplers.RandomSampler())
    with pytest.raises(UsageError, match=r"tuning\.pruning"):
        tune(regression, diabetes[:60], pruning="asha")


def test_rungs_that_are_given_are_climbed_and_raced(regression, diabetes):
    studies = []

    class Witness(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            studies.append(study)
            return {}

    settings = {"space": FAST, "n_jobs": 1, "n_folds": 3, "sampler": Witness(seed=1)}
    budget = Budget(max_trials=20)
    tune(regression, diabetes, rungs=[4, 2, 1], budget=budget, **settings)
    told = [t.user_attrs[EVALUATION] for t in studies[0].trials if t.state.name == "PRUNED"]
    assert {facts["rows"] for facts in told} >= {73, 147}
    flat = tune(regression, diabetes, rungs=[1], pruning="asha", budget=budget, **settings)
    assert set(flat.trials["state"]) == {"COMPLETE"}


@pytest.mark.parametrize("wrong", [[], [1, 3], [3, 3, 1], [9, 3], [2.5, 1], [True], "9,3,1", 3])
def test_rungs_that_cannot_be_meant_are_refused(regression, diabetes, wrong):
    with pytest.raises(UsageError, match=r"tuning\.rungs.*\[9, 3, 1\]"):
        tune(regression, diabetes, rungs=wrong)


@pytest.mark.parametrize(
    ("name", "rungs"),
    [("race", [3, 1]), ("none", [9, 3, 1]), ("hyperband", [8, 1]), ("bohb", [9, 1])],
)
def test_rungs_that_contradict_the_pruning_are_refused(regression, diabetes, name, rungs):
    with pytest.raises(UsageError, match=rf"tuning\.rungs.*tuning\.pruning: {name}"):
        tune(regression, diabetes, pruning=name, rungs=rungs)


def test_a_rung_that_is_given_must_hold_enough_rows(regression, diabetes):
    with pytest.raises(UsageError, match=r"tuning\.rungs.*294 training rows.*at most 14"):
        tune(regression, diabetes, rungs=[27, 1], n_folds=3)


def test_small_tables_are_not_cut_down_unasked():
    folds = [Fold(np.arange(5000), np.arange(5000, 6000))]
    task = SimpleNamespace(
        folds=folds, table=SimpleNamespace(n_classes=0, y=np.arange(6000.0)),
        prepared=SimpleNamespace(time=None), seed=0,
    )  # fmt: skip
    assert len(Pruning("auto").ladder(task).rungs) == 1
    assert len(Pruning("asha").ladder(task).rungs) == 2


def test_a_fit_that_the_deadline_ends_predicts_nothing():
    """On many rows the predictions would take seconds that nobody has."""

    class Slow:
        predicted = 0

        def fit(self, fold, params, *, stop):
            while not stop():
                time.sleep(0.01)
            self.predicted += 1
            raise RuntimeError("cut, and kept")

    slow = Slow()
    work = FoldWork(None, [None], None, 0)
    soon = time.time() + 0.05
    with pytest.raises(TrialCut, match="max_seconds"):
        fit_fold(work, slow, FoldOrder({}, 0, soon, keep_cut=False), lambda: False)
    with pytest.raises(TrialCut):
        fit_fold(work, slow, FoldOrder({}, 0), lambda: True)
    assert slow.predicted == 0
    with pytest.raises(RuntimeError):
        fit_fold(work, slow, FoldOrder({}, 0, soon), lambda: False)


def test_a_trial_that_must_finish_leaves_time_for_every_rung_and_wave():
    objective = Objective(
        task=None, ladder=three_rungs(), pool=SimpleNamespace(slots=2), racing=False,
        limits=SimpleNamespace(clock=SimpleNamespace(remaining=60.0)), constraints={},
    )  # fmt: skip
    low, _, top = (Rung(rung.rows, (0, 1, 2)) for rung in objective.ladder.rungs)
    objective.ladder.rungs[:] = [low, objective.ladder.rungs[1], top]
    now = time.time()
    assert [round(end - now) for end in objective._ends(low, True)] == [9, 9, 19]
    assert [round(end - now) for end in objective._ends(top, True)] == [27, 27, 57]
    assert [round(end - now) for end in objective._ends(top, False)] == [60] * 3


def test_the_problems_file_chooses(diabetes, tmp_path):
    diabetes.to_csv(tmp_path / "rows.csv", index=False)
    problem = {"target": "target", "metric": "rmse", "rows": str(tmp_path / "rows.csv")}
    tuning = {"space": FAST, "folds": 2, "budget": {"max_trials": 4}}
    file = tmp_path / "disease.yml"
    file.write_text(json.dumps(problem | {"tuning": tuning | {"pruning": "asha"}}))
    result = search_table(load_settings(file, root=tmp_path), tmp_path, {})
    states = result.trials["state"].tolist()
    assert "PRUNED" in states, "before a race has seen enough trials to begin"
    file.write_text(json.dumps(problem | {"tuning": {"rungs": [3, 9, 1]}}))
    with pytest.raises(UsageError, match=r"rungs.*\[3, 9, 1\]"):
        load_settings(file, root=tmp_path)
    file.write_text(json.dumps(problem | {"tuning": {"pruning": "ashaa"}}))
    with pytest.raises(UsageError, match="asha"):
        load_settings(file, root=tmp_path)
