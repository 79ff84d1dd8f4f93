"""Runs: every arm and model works, is kept, counted, and not repeated."""

import json

import pytest

from driftune.bench import ARMS, Asked, Plan, harness, run_all, search
from driftune.bench.counted_model import CountedModel, warm_tuner
from driftune.bench.models import SPACES, starts
from driftune.errors import DataError, SpendLimitReached
from driftune.language_model import ScriptedLanguageModel


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_searches(make_task, small_space, arm):
    asked = CountedModel(warm_tuner(0)) if ARMS[arm].asks else None
    run = search(make_task(), model="lightgbm", arm=arm, seed=0, trials=8, language_model=asked)
    assert len(run.values) == 8
    assert run.cv == min(run.values)
    assert set(run.params) == set(small_space)
    assert 0 < run.test < 3
    assert ARMS[arm].asks or run.calls == 0
    if arm == "sllmbo":
        assert run.calls >= len(small_space)
        assert run.language_model == "scripted:tuner"


@pytest.mark.parametrize("model", SPACES)
@pytest.mark.parametrize(("target", "low"), [("price", 0.0), ("grade", 0.5)])
def test_both_models_learn_both_tasks_with_text_columns(make_task, model, target, low):
    pytest.importorskip(model)
    run = search(make_task(target), model=model, arm="tpe+start", seed=0, trials=2)
    assert low < run.test < (3.0 if target == "price" else 1.001)


def test_the_first_configurations_lie_in_the_papers_space():
    for model, space in SPACES.items():
        first = starts(model, "regression")
        assert len(first) > 1
        assert first[0]["n_estimators"] == 100
        assert set(first[0]) <= set(space)
        for params in first:
            assert all(space[name]._contains(value) for name, value in params.items())
    assert starts("lightgbm", "regression")[0]["max_depth"] == 12  # no limit


def test_the_same_seed_gives_the_same_run(make_task, small_space):
    task = make_task()
    runs = [
        search(task, model="lightgbm", arm=arm, seed=seed, trials=6, language_model=model)
        for arm, seed, model in [
            ("sllmbo", 1, CountedModel(warm_tuner(1))),
            ("sllmbo", 1, CountedModel(warm_tuner(1))),
            ("sllmbo", 2, CountedModel(warm_tuner(2))),
        ]
    ]
    assert runs[0].values == runs[1].values != runs[2].values


@pytest.fixture
def plan(make_task):
    return Plan([make_task()], ["lightgbm"], ["random", "sllmbo"], 2, 3, Asked(None))


def test_a_benchmark_that_was_stopped_goes_on_where_it_was(
    plan, small_space, tmp_path, monkeypatch
):
    real, done = harness.search, []

    def stops_at_the_third(*args, **settings):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(settings["arm"])
        return real(*args, **settings)

    monkeypatch.setattr(harness, "search", stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_all(plan, tmp_path / "runs")
    assert len(list((tmp_path / "runs").iterdir())) == 2
    again = []
    monkeypatch.setattr(harness, "search", lambda *a, **s: again.append(s) or real(*a, **s))
    told = []
    runs = run_all(plan, tmp_path / "runs", told.append)
    assert [(each["arm"], each["seed"]) for each in again] == [("random", 1), ("sllmbo", 1)]
    assert [(run.arm, run.seed) for run in runs] == [
        ("random", 0), ("sllmbo", 0), ("random", 1), ("sllmbo", 1),
    ]  # fmt: skip
    assert sum(event.trials for event in told) == 4 * 3


def test_more_trials_or_another_model_are_other_runs(plan, small_space, make_task):
    names = {job.file_name for job in plan.jobs()}
    more = Plan(plan.tasks, plan.models, plan.arms, 2, 4, plan.asked)
    other = Plan([make_task("grade")], plan.models, plan.arms, 2, 3, plan.asked)
    assert len(names) == 4
    assert not names & {job.file_name for job in (*more.jobs(), *other.jobs())}


def test_a_file_that_is_no_run_is_refused(plan, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / plan.jobs()[0].file_name).write_text(json.dumps({"arm": "random"}))
    with pytest.raises(DataError, match="remove it"):
        run_all(plan, tmp_path / "runs")


def test_when_the_money_is_gone_no_half_run_is_kept(plan, small_space, tmp_path, monkeypatch):
    def spent(messages, schema):
        raise SpendLimitReached("1.00 USD are spent.")

    monkeypatch.setattr(harness, "warm_tuner", lambda seed: ScriptedLanguageModel(spent))
    with pytest.raises(SpendLimitReached, match="--max-cost-usd"):
        run_all(plan, tmp_path / "runs")
    assert len(list((tmp_path / "runs").iterdir())) == 1  # random search, which asked nobody
