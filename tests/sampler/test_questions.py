"""Questions to the model: asked while a trial trains, paid before they are asked, never lost."""

from __future__ import annotations

import pickle
from itertools import count
from threading import Event, Thread
from time import sleep

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from driftune.errors import LanguageModelError, UsageError
from driftune.language_model import CachedLanguageModel, Reply, ScriptedLanguageModel
from driftune.sampler import FixedShare, LLMTPESampler, source_of
from driftune.sampler.patience import Patience
from driftune.sampler.purse import Purse, count_spending

SPACE = {"x": FloatDistribution(0.0, 1.0)}
PATIENCE = 20.0  # seconds after which a test that waits for another thread gives up


class PricedModel:
    """Proposes a new point with every call, each at a price."""

    model = "priced"

    def __init__(self, worst=0.0, cost=0.0):
        self.worst, self.cost, self.calls = worst, cost, 0

    def worst_cost(self, messages, schema):
        return self.worst

    def complete(self, messages, schema):
        self.calls += 1
        x = (self.calls * 0.618) % 1.0
        text = f'{{"proposals": [{{"configuration": {{"x": {x}}}}}]}}'
        return Reply(text, cost_usd=self.cost, model=self.model)


class BlockedModel(PricedModel):
    """Answers when told to."""

    def __init__(self):
        super().__init__()
        self.asked, self.released = Event(), Event()

    def complete(self, messages, schema):
        self.asked.set()
        assert self.released.wait(PATIENCE)
        return super().complete(messages, schema)


def objective(trial):
    return (trial.suggest_float("x", 0.0, 1.0) - 0.3) ** 2


def make_sampler(model, **settings):
    defaults = {"allocation": FixedShare(1.0), "search_space": SPACE, "veto": 0.0, "seed": 0}
    return LLMTPESampler(language_model=model, **{**defaults, **settings})


def sources(study):
    return [source_of(trial) for trial in study.trials]


def test_the_next_question_is_asked_while_a_trial_trains():
    model = BlockedModel()

    def train(trial):
        value = objective(trial)
        if trial.number == 0:
            assert model.asked.wait(PATIENCE)  # during the trial, or never
            model.released.set()
        return value

    study = optuna.create_study(sampler=make_sampler(model, warm_start=[{"x": 0.9}]))
    study.optimize(train, n_trials=2)
    assert sources(study) == ["warm_start", "llm"]
    assert "driftune:asked" in study.trials[0].system_attrs


def test_a_late_answer_holds_up_no_trial_and_is_used_when_it_comes():
    model = BlockedModel()

    def train(trial):
        sleep(0.12)  # longer than what counts as a look-up
        if trial.number == 3:
            model.released.set()
        return objective(trial)

    study = optuna.create_study(sampler=make_sampler(model, warm_start=[{"x": 0.9}], max_wait=0.0))
    study.optimize(train, n_trials=6)
    late = [t.number for t in study.trials if t.system_attrs.get("driftune:fallback") == "late"]
    assert late[:3] == [1, 2, 3]
    assert "llm" in sources(study)[4:]
    assert sum(t.system_attrs.get("driftune:waited", 0.0) for t in study.trials) < 0.1


def test_without_a_limit_every_answer_is_waited_for():
    class Slow(PricedModel):
        def complete(self, messages, schema):
            sleep(0.15)
            return super().complete(messages, schema)

    def train(trial):
        sleep(0.11)
        return objective(trial)

    study = optuna.create_study(sampler=make_sampler(Slow(), max_wait=None, prefetch=False))
    study.optimize(train, n_trials=4)
    assert sources(study) == ["llm"] * 4


def test_a_defect_of_the_model_is_raised_in_the_study():
    class Broken(PricedModel):
        def complete(self, messages, schema):
            raise ZeroDivisionError("a defect")

    study = optuna.create_study(sampler=make_sampler(Broken()))
    with pytest.raises(ZeroDivisionError):
        study.optimize(objective, n_trials=3)


def test_a_failed_question_is_not_repeated_ahead_of_its_turn():
    class Dead(PricedModel):
        def complete(self, messages, schema):
            self.calls += 1
            raise LanguageModelError("no route")

    model = Dead()
    study = optuna.create_study(sampler=make_sampler(model))
    study.optimize(objective, n_trials=12)
    assert model.calls == 3
    assert "llm" not in sources(study)


def test_the_dollars_of_a_study_are_never_passed():
    model = PricedModel(worst=0.5, cost=0.3)
    study = optuna.create_study(sampler=make_sampler(model, max_cost_usd=2.0))
    study.optimize(objective, n_trials=20)
    calls, cost = count_spending(study.trials)
    assert (calls, cost) == (model.calls, pytest.approx(0.3 * model.calls))
    assert model.calls == 6  # a seventh could end at 1.8 + 0.5
    assert sources(study).count("llm") == 6


def test_no_money_is_no_call():
    model = PricedModel()
    study = optuna.create_study(sampler=make_sampler(model, max_cost_usd=0.0))
    study.optimize(objective, n_trials=5)
    assert model.calls == 0


def test_a_question_of_a_killed_process_stays_paid():
    model = BlockedModel()
    model.worst = 0.4
    storage = optuna.storages.InMemoryStorage()
    sampler = make_sampler(model, warm_start=[{"x": 0.9}], max_cost_usd=1.0)
    study = optuna.create_study(storage=storage, study_name="s", sampler=sampler)
    study.optimize(objective, n_trials=1)
    assert model.asked.wait(PATIENCE)
    assert count_spending(study.trials) == (2, 0.8)  # the question and its repair
    heir = PricedModel(worst=0.4, cost=0.4)
    study.sampler = make_sampler(heir, warm_start=[{"x": 0.9}], max_cost_usd=1.0)
    study.optimize(objective, n_trials=5)
    assert heir.calls == 0
    model.released.set()


def test_workers_share_one_purse(tmp_path):
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    optuna.create_study(storage=storage, study_name="s")
    models = [PricedModel(worst=0.1, cost=0.1) for _ in range(4)]

    def work(model, seed):
        sampler = make_sampler(
            model, max_cost_usd=0.75, max_model_calls=5, warm_start=[{"x": 0.9}], seed=seed
        )
        study = optuna.load_study(storage=storage, study_name="s", sampler=sampler)
        study.optimize(objective, n_trials=8)

    workers = [Thread(target=work, args=(model, seed)) for seed, model in enumerate(models)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert 1 <= sum(model.calls for model in models) <= 5


def test_a_purse_reserves_less_when_less_is_left():
    study = optuna.create_study()
    trials = [study._storage.get_trial(study.ask()._trial_id) for _ in range(3)]
    purse = Purse(max_calls=3, max_cost_usd=10.0)
    assert [purse.pay(study, trial, 1.0)[1] for trial in trials] == [2, 1, 0]
    assert count_spending(study.trials) == (3, 3.0)
    assert not purse.can_pay(study.trials)


def test_the_sampler_is_pickled_with_a_question_open():
    model = BlockedModel()
    sampler = make_sampler(model, warm_start=[{"x": 0.9}])
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=1)
    assert model.asked.wait(PATIENCE)
    sampler._proposer.model = PricedModel()  # an Event cannot be pickled
    study.sampler = pickle.loads(pickle.dumps(sampler))
    study.optimize(objective, n_trials=2)
    assert sources(study) == ["warm_start", "llm", "llm"]
    model.released.set()


def test_a_study_is_replayed_from_the_cache_bit_for_bit(tmp_path):
    """With nobody to ask, and although the fits take other times than they took."""
    clock = count(1)

    def timed(trial):
        trial.set_user_attr("fit_seconds", 1.5 * next(clock))
        return objective(trial)

    def run(inner):
        model = CachedLanguageModel(inner, tmp_path, model="priced")
        sampler = make_sampler(model, allocation=None, warm_start=[{"x": 0.9}])
        study = optuna.create_study(sampler=sampler)
        study.optimize(timed, n_trials=25)
        return study

    first, again = run(PricedModel(cost=0.01)), run(None)
    assert "llm" in sources(first)
    assert [t.params for t in again.trials] == [t.params for t in first.trials]
    assert sources(again) == sources(first)
    assert count_spending(again.trials) == count_spending(first.trials)


def test_waiting_is_a_share_of_the_work():
    patience = Patience(0.05)
    assert patience.seconds_left() == 10.0  # nothing is known yet
    for _ in range(4):
        patience.took(10.0)
    assert patience.seconds_left() == pytest.approx(2.0)
    assert patience.take() == pytest.approx(2.0)
    assert patience.seconds_left() == 0.0  # no other thread waits for the same seconds
    patience.give_back(0.4)
    assert pickle.loads(pickle.dumps(patience)).seconds_left() == pytest.approx(0.4)
    toy = Patience(0.05)
    toy.took(0.001)
    assert (toy.are_short(), toy.seconds_left()) == (True, 60.0)
    assert Patience(None).seconds_left() is None
    assert Patience(0).seconds_left() == 0.0


def test_a_model_that_was_given_up_has_another_chance_after_a_restart():
    class Recovering(PricedModel):
        down = True

        def complete(self, messages, schema):
            if self.down:
                self.calls += 1
                raise LanguageModelError("no route")
            return super().complete(messages, schema)

    model = Recovering()
    study = optuna.create_study(sampler=make_sampler(model))
    study.optimize(objective, n_trials=6)
    assert model.calls == 3
    assert "llm" not in sources(study)
    model.down = False
    study.sampler = make_sampler(model)
    study.optimize(objective, n_trials=3)
    assert sources(study)[6:] == ["llm"] * 3


def test_a_flood_of_proposals_is_cut_and_none_is_kept_twice():
    def flood(messages, schema):
        points = [0.5, 0.5, *(i / 1000 for i in range(1000))]
        return {"proposals": [{"configuration": {"x": x}} for x in points]}

    sampler = make_sampler(ScriptedLanguageModel(flood), proposals_per_call=3, prefetch=False)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=1)
    kept = [p["configuration"]["x"] for p in study.trials[0].system_attrs["driftune:proposals"]]
    assert kept == [0.5, 0.0, 0.006]  # the first that are apart


def test_too_little_money_for_a_question_ends_the_questions_at_once():
    model = PricedModel(worst=0.8, cost=0.5)
    study = optuna.create_study(sampler=make_sampler(model, max_cost_usd=1.0))
    study.optimize(objective, n_trials=8)
    assert model.calls == 1
    fallbacks = [t.system_attrs.get("driftune:fallback") for t in study.trials]
    assert fallbacks.count("spent") <= 1


def test_a_killed_warm_start_has_a_second_chance_and_a_failing_one_no_third():
    storage = optuna.storages.InMemoryStorage()
    warm = [{"x": 0.1}, {"x": 0.9}]
    study = optuna.create_study(storage=storage, sampler=make_sampler(None, warm_start=warm))
    killed = study.ask()
    killed.suggest_float("x", 0.0, 1.0)
    storage.set_trial_state_values(killed._trial_id, TrialState.FAIL)

    def train(trial):
        if objective(trial) == pytest.approx(0.04):  # x = 0.1
            raise ValueError("does not train")
        return 1.0

    study.optimize(train, n_trials=4, catch=(ValueError,))
    assert [t.params["x"] for t in study.trials[:3]] == [0.1, 0.1, 0.9]
    assert sources(study)[3] != "warm_start"


def test_wrong_limits_are_refused():
    for wrong in ({"max_wait": -1.0}, {"veto": 1.5}, {"min_delta": -0.1}, {"history": "tabel"}):
        with pytest.raises(UsageError):
            make_sampler(PricedModel(), **wrong)
