"""A study starts from what earlier ones found, without a setting, and not from itself."""

import json
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest

from driftune.problem import Problem
from driftune.sampler import cheap_start, library_default
from driftune.sampler.experience import EarlierStudy
from driftune.tuning import Budget, prepare, tune
from driftune.tuning.families import get_family
from driftune.tuning.meta_features import meta_features
from driftune.tuning.recall import EXPERIENCE
from driftune.tuning.sketch import take_sketch
from driftune.tuning.space import SearchSpace
from driftune.tuning.starters import starters

FAST = {
    "learning_rate": {"type": "float", "low": 0.01, "high": 0.5, "log": True},
    "num_leaves": {"type": "int", "low": 2, "high": 64},
}
ODD = [{"learning_rate": 0.5, "num_leaves": n} for n in (3, 40, 60)]


class Remembered(list):
    """Earlier studies in a list."""

    def recall(self, family):
        return [study for study in self if study.family == family]

    def keep(self, study):
        self.append(study)


@pytest.fixture
def table():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(150, 3)), columns=list("abc"))
    return frame.assign(y=frame["a"] + draw.normal(size=150))


def problem(name="p"):
    return Problem(name=name, target="y", metric="rmse")


def run(table, name="p", trials=18, **settings):
    options = {"space": FAST, "n_folds": 2, "n_jobs": 1, "budget": Budget(max_trials=trials)}
    return tune(problem(name), table, **options | settings)


def earlier(table, name, best, study="s", **wanted):
    features = meta_features(prepare(problem(), table))
    entries = [{"params": params, "value": 1.0} for params in best]
    return EarlierStudy(name, study, "lightgbm", features | wanted, entries, 0.0)


def started_with(result):
    warm = result.trials[result.trials["source"] == "warm_start"]
    return warm["params"].tolist()


def test_the_next_study_of_a_storage_starts_from_the_last_one_without_asking(table, tmp_path):
    storage = tmp_path / "studies.db"
    run(table, "first", storage=storage, trials=3, warm_start=ODD)  # tries nothing else
    result = run(table.head(120), "second", storage=storage, trials=6)
    default = SearchSpace.parse(FAST).nearest(library_default("lightgbm"))
    shown = started_with(result)
    assert shown[0] == default
    assert shown[1] in ODD
    assert len(shown) == 2  # a third of six trials


def test_earlier_configurations_come_after_the_default_and_before_the_portfolio(table):
    result = run(table, experience=Remembered([earlier(table, "other", ODD)]), warm_start=[ODD[2]])
    space = SearchSpace.parse(FAST)
    default = space.nearest(library_default("lightgbm"))
    shown = started_with(result)
    assert shown[:4] == [ODD[2], default, ODD[0], ODD[1]]
    assert shown[4] == space.nearest(cheap_start("lightgbm"))
    assert len(shown) == 6  # a third of 18


def test_how_many_is_a_setting_and_none_asks_nobody(table):
    memory = Remembered([earlier(table, "other", ODD)])
    one = started_with(run(table, experience=memory, earlier_configurations=1))
    assert [params in one for params in ODD] == [True, False, False]
    none = run(table, "q", experience=memory, earlier_configurations=0)
    assert not [params for params in ODD if params in started_with(none)]


def test_the_nearest_problem_teaches_first(table):
    far = earlier(table, "far", ODD[:1], study="f", log_rows=9.0)
    near = earlier(table, "near", ODD[1:2], study="n")
    shown = started_with(run(table, experience=Remembered([far, near]), earlier_configurations=1))
    assert ODD[1] in shown
    assert ODD[0] not in shown


def test_what_a_study_found_is_kept_small_and_diverse(table):
    memory = Remembered()
    result = run(table, experience=memory)
    (kept,) = memory
    assert (kept.problem, kept.study, kept.family) == ("p", result.study_name, "lightgbm")
    assert kept.best[0] == {"params": result.best_params, "value": result.best_value}
    assert len(kept.best) <= 3
    assert kept.features == meta_features(prepare(problem(), table))


def test_a_study_that_goes_on_starts_from_what_it_was_given_first(table, tmp_path):
    where = {"storage": tmp_path / "s.db"}
    run(table, trials=2, experience=Remembered([earlier(table, "other", ODD)]), **where)
    changed = Remembered([earlier(table, "newer", [{"learning_rate": 0.02, "num_leaves": 50}])])
    result = run(table, trials=15, experience=changed, **where)
    shown = started_with(result)
    assert shown[1:4] == ODD
    assert len(shown) == len({json.dumps(params, sort_keys=True) for params in shown})


def test_no_trial_of_another_study_is_read(table, tmp_path, monkeypatch):
    storage = tmp_path / "s.db"
    run(table, "first", storage=storage, trials=2)
    read = []
    cached = optuna.storages._cached_storage._CachedStorage
    inner = cached.get_all_trials

    def noted(self, study_id, *args, **options):
        read.append(study_id)
        return inner(self, study_id, *args, **options)

    monkeypatch.setattr(cached, "get_all_trials", noted)
    run(table, "second", storage=storage, trials=6)
    assert len(set(read)) == 1


def test_what_another_version_wrote_is_passed_over(table, tmp_path):
    storage = f"sqlite:///{tmp_path / 's.db'}"
    for number, text in enumerate(["", "{}", 7, {"a": 1}]):
        optuna.create_study(study_name=str(number), storage=storage).set_user_attr(EXPERIENCE, text)
    assert len(run(table, storage=storage, trials=3).trials) == 3


@pytest.mark.parametrize("bad", [{"learning_rate": "fast"}, {"unknown": 1}, {}])
def test_what_does_not_fit_the_space_is_no_start(table, bad):
    result = run(table, trials=18, experience=Remembered([earlier(table, "other", [bad])]))
    default = SearchSpace.parse(FAST).nearest(library_default("lightgbm"))
    assert started_with(result)[0] == default


def test_a_small_budget_keeps_room_for_the_search(table):
    space, prepared = SearchSpace.parse(FAST), prepare(problem(), table)
    arguments = (space, get_family("lightgbm"), prepared)
    for trials, starts in ((1, 3), (6, 3), (12, 4), (24, 8), (None, 14)):
        found = starters(*arguments, first=ODD[:2], earlier=[
            {"learning_rate": 0.3, "num_leaves": n} for n in (8, 50)
        ], max_trials=trials)  # fmt: skip
        assert len(found) == starts
        assert found[:2] == ODD[:2]


def drifting(shift=0.0, seed=0):
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.normal(size=(400, 3)), columns=list("abc"))
    frame["a"] += shift
    return frame.assign(y=2 * frame["a"] + draw.normal(size=400))


def sketched(table, best, study="s", finished=0.0):
    plain = earlier(table, "p", best, study=study)
    return replace(plain, sketch=take_sketch(prepare(problem(), table)), finished=finished)


def test_without_drift_all_that_the_last_study_found_is_tried_first():
    memory = Remembered([sketched(drifting(), ODD)])
    result = run(drifting(seed=1), experience=memory)
    assert started_with(result)[1:4] == ODD
    assert result.transfer["weight"] == 1.0
    assert result.transfer["tried"] == 3


def test_after_a_strong_drift_only_its_best_is_tried_and_then_the_portfolio():
    memory = Remembered([sketched(drifting(), ODD)])
    result = run(drifting(3.0, seed=1), experience=memory)
    shown = started_with(result)
    assert shown[1] == ODD[0]
    assert len(shown) > 2
    assert not [params for params in ODD[1:] if params in shown]
    assert result.transfer["weight"] == 0.0
    assert "drifted by" in result.transfer["reason"]
    with_champion = run(drifting(3.0, seed=1), experience=memory, warm_start=[ODD[1]])
    assert [params in started_with(with_champion) for params in ODD] == [False, True, False]


def test_the_study_on_the_most_similar_data_teaches_first_however_old():
    summer = sketched(drifting(3.0), ODD[:1], study="summer", finished=1.0)
    winter = sketched(drifting(0.0), ODD[1:2], study="winter", finished=2.0)
    for shift, nearest in ((3.0, ODD[0]), (0.0, ODD[1])):
        shown = started_with(run(drifting(shift, 1), experience=Remembered([winter, summer])))
        assert shown[1] == nearest


def test_a_record_without_a_sketch_or_with_a_broken_one_teaches_as_before(table):
    for sketch in ({}, {"rows": 0}, {"rows": 3, "target": [], "columns": {}}, {"columns": 1}):
        memory = Remembered([replace(earlier(table, "p", ODD), sketch=sketch)])
        assert started_with(run(table, experience=memory))[1:4] == ODD


def test_a_record_is_small_enough_for_a_tag():
    draw = np.random.default_rng(0)
    wide = pd.DataFrame(draw.normal(size=(90, 120)), columns=[f"column {i}" for i in range(120)])
    memory = Remembered()
    run(wide.assign(y=wide["column 7"]), experience=memory, trials=4, space=None)
    (kept,) = memory
    assert kept.sketch["columns"]
    assert len(kept.to_json()) < 5000
