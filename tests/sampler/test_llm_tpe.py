"""The sampler as a user sees it: who proposes, what is recorded, and what survives."""

from __future__ import annotations

import json
import logging
import pickle

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import CmaEsSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from driftune.errors import LanguageModelError, SpendLimitReached, UsageError
from driftune.language_model import ScriptedLanguageModel, open_language_model
from driftune.sampler import EarnedShare, FixedShare, LLMTPESampler, credit_by_source, source_of

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = {
    "rate": FloatDistribution(1e-3, 1.0, log=True),
    "leaves": IntDistribution(2, 64, log=True),
    "depth": IntDistribution(1, 9, step=2),
    "kind": CategoricalDistribution(["a", "b"]),
}
GOOD = {"rate": 0.05, "leaves": 16, "depth": 5, "kind": "b"}


def objective(trial):
    rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 2, 64, log=True)
    depth = trial.suggest_int("depth", 1, 9, step=2)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return (rate - 0.05) ** 2 + abs(leaves - 16) / 16 + abs(depth - 5) / 5 + (kind == "a")


def proposal(rationale="because", expected=0.5, **changes):
    configuration = {**GOOD, **changes}
    return {"configuration": configuration, "rationale": rationale, "expected": expected}


def answer(*proposals):
    return {"proposals": list(proposals)}


def run(n_trials=8, function=objective, study=None, **settings):
    settings = {"search_space": SPACE, "seed": 3, "prefetch": False, **settings}
    sampler = LLMTPESampler(**settings)
    if study is None:
        study = optuna.create_study(sampler=sampler)
    study.sampler = sampler
    study.optimize(function, n_trials=n_trials)
    return study


def sources(study):
    return [source_of(trial) for trial in study.trials]


def test_the_model_proposes_whole_configurations_from_the_first_trial():
    model = ScriptedLanguageModel([answer(proposal(), proposal(depth=3), proposal(depth=7))])
    study = run(3, language_model=model, allocation=FixedShare(1.0))
    assert sources(study) == ["llm", "llm", "llm"]
    assert [t.params for t in study.trials] == [GOOD, {**GOOD, "depth": 3}, {**GOOD, "depth": 7}]
    assert len(model.asked) == 1


def test_what_the_model_said_and_cost_is_on_the_trial():
    model = ScriptedLanguageModel([answer(proposal("16 leaves fit."))])
    (trial,) = run(1, language_model=model, allocation=FixedShare(1.0)).trials
    facts = trial.system_attrs
    assert facts["driftune:rationale"] == "16 leaves fit."
    assert facts["driftune:expected"] == 0.5
    assert facts["driftune:model"] == "scripted"
    assert facts["driftune:prompt_tokens"] > 0
    assert facts["driftune:completion_tokens"] > 0
    assert facts["driftune:cost_usd"] == 0
    assert facts["driftune:seconds"] >= 0


def test_a_configuration_is_never_mixed():
    """Every model trial is, to the last value, one of the model's proposals."""
    said = []

    def tune(messages, schema):
        reply = json.loads(open_language_model("scripted:tuner").complete(messages, schema).text)
        said.extend(p["configuration"] for p in reply["proposals"])
        return reply

    study = run(30, language_model=ScriptedLanguageModel(tune), allocation=FixedShare(0.5))
    by_model = [t.params for t in study.trials if source_of(t) == "llm"]
    assert len(by_model) >= 8
    assert all(params in said for params in by_model)
    assert len(by_model) < 30


def test_without_a_declared_space_the_model_waits_for_the_first_trial():
    model = ScriptedLanguageModel([answer(proposal())])
    study = run(2, language_model=model, allocation=FixedShare(1.0), search_space=None)
    assert sources(study) == ["random", "llm"]


def test_warm_starts_run_first_are_clipped_and_filled():
    warm = [{**GOOD, "rate": 7.0, "leaves": 1000, "depth": 4.2}, {"kind": "unheard of"}, GOOD]
    study = run(4, warm_start=warm, search_space=None)
    assert sources(study)[:3] == ["warm_start"] * 3
    first, second, third = (trial.params for trial in study.trials[:3])
    assert first == {"rate": 1.0, "leaves": 64, "depth": 5, "kind": "b"}
    assert second["kind"] in ("a", "b")
    assert third == GOOD
    assert sources(study)[3] != "warm_start"


def test_what_the_user_enqueues_is_a_warm_start_and_takes_no_turn_of_ours():
    study = optuna.create_study()
    study.enqueue_trial({"rate": 0.5})
    run(2, study=study, warm_start=[GOOD])
    assert sources(study) == ["warm_start", "warm_start"]
    assert study.trials[0].params["rate"] == 0.5
    assert study.trials[1].params == GOOD


@pytest.mark.parametrize(
    "reply",
    [
        LanguageModelError("down"),
        SpendLimitReached("spent"),
        ConnectionError("no route"),
        "I am sorry, but",
        "",
        {"proposals": "none"},
        {"proposals": []},
        {"proposals": [7, None, {"configuration": 3}]},
        answer(proposal(rate=5.0)),
        answer(proposal(depth=4)),
        answer(proposal(leaves=16.5)),
        answer(proposal(kind="c")),
        answer({"configuration": {"rate": 0.1}}),
        '{"proposals": [{"configuration": {"rate": NaN, "leaves": 3, "depth": 1, "kind": "a"}}]}',
    ],
)
def test_a_useless_model_costs_no_trial_and_is_left_alone(reply, caplog):
    model = ScriptedLanguageModel(lambda messages, schema: reply)
    with caplog.at_level(logging.WARNING, logger="driftune.sampler"):
        study = run(12, language_model=model, allocation=FixedShare(1.0))
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 12
    assert "llm" not in sources(study)
    fallbacks = [t for t in study.trials if "driftune:fallback" in t.system_attrs]
    assert len(fallbacks) == 3  # then it is given up
    assert len(model.asked) <= 6  # a question and a repair question each
    assert len(caplog.records) == 2  # why, once, and that it is left alone
    assert "left alone" in caplog.records[1].getMessage()


def test_one_repair_question_names_the_problem():
    model = ScriptedLanguageModel([answer(proposal(rate=5.0)), answer(proposal())])
    study = run(1, language_model=model, allocation=FixedShare(1.0))
    assert sources(study) == ["llm"]
    assert len(model.asked) == 2
    assert "rate" in model.asked[1][-1]["content"]
    assert study.trials[0].system_attrs["driftune:calls"] == 2


def test_repeated_configurations_are_not_run_again():
    model = ScriptedLanguageModel(lambda messages, schema: answer(proposal(), proposal()))
    study = run(6, language_model=model, allocation=FixedShare(1.0))
    assert [t.params for t in study.trials].count(GOOD) == 1


def test_a_failing_configuration_is_not_retried():
    def failing(trial):
        value = objective(trial)
        if trial.params == GOOD:
            raise ValueError("does not train")
        return value

    model = ScriptedLanguageModel(lambda messages, schema: answer(proposal()))
    sampler = LLMTPESampler(
        language_model=model, allocation=FixedShare(1.0), search_space=SPACE, seed=0
    )
    study = optuna.create_study(sampler=sampler)
    study.optimize(failing, n_trials=5, catch=(ValueError,))
    assert sum(t.state.name == "FAIL" for t in study.trials) == 1


def test_the_call_limit_holds_over_restarts(tmp_path):
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    asked = 0
    for seed in range(3):
        model = open_language_model("scripted:tuner")
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
        run(
            5,
            study=study,
            language_model=model,
            allocation=FixedShare(1.0),
            proposals_per_call=1,
            max_model_calls=4,
            seed=seed,
        )
        asked += len(model.asked)
    assert asked == 4
    assert sources(study).count("llm") == 4


def test_resume_needs_the_storage_alone(tmp_path):
    """Warm starts, proposals that were not yet run and the share go on in a new process."""
    storage = f"sqlite:///{tmp_path}/study.db"
    settings = {"warm_start": [GOOD, {**GOOD, "depth": 1}], "allocation": FixedShare(1.0)}
    study = optuna.create_study(storage=storage, study_name="s")
    run(1, study=study, **settings)
    model = ScriptedLanguageModel([answer(proposal(depth=3), proposal(depth=7))])
    run(
        2,
        study=optuna.load_study(storage=storage, study_name="s"),
        language_model=model,
        **settings,
    )
    silent = ScriptedLanguageModel([])
    study = optuna.load_study(storage=storage, study_name="s")
    run(1, study=study, language_model=silent, **settings)
    assert sources(study) == ["warm_start", "warm_start", "llm", "llm"]
    assert [t.params["depth"] for t in study.trials] == [5, 1, 3, 7]
    assert silent.asked == []


def test_the_same_seed_gives_the_same_study():
    def study(seed):
        model = open_language_model("scripted:tuner")
        return [t.params for t in run(20, language_model=model, seed=seed).trials]

    assert study(5) == study(5)
    assert study(5) != study(6)


def test_the_model_reads_the_history():
    model = open_language_model("scripted:tuner")
    study = run(
        3, language_model=model, allocation=FixedShare(1.0), proposals_per_call=1,
        data_card="100 rows", metric="rmse",
    )  # fmt: skip
    last = model.asked[-1][-1]["content"]
    assert "100 rows" in last
    assert "rmse" in last
    rows = [json.loads(line) for line in last.splitlines() if line.startswith('{"trial"')]
    assert [row["trial"] for row in rows] == [0, 1]
    assert rows[0]["value"] == pytest.approx(study.trials[0].value, rel=1e-4)


def test_no_secret_of_the_environment_is_sent_or_stored(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-4711")
    model = open_language_model("scripted:tuner")
    study = run(4, language_model=model, allocation=FixedShare(1.0))
    assert "sk-4711" not in json.dumps(model.asked)
    assert "sk-4711" not in str([t.system_attrs for t in study.trials])
    assert b"sk-4711" not in pickle.dumps(study.sampler)


def test_conditional_spaces_and_changing_ranges():
    def conditional(trial):
        if trial.suggest_categorical("kind", ["a", "b"]) == "a":
            return trial.suggest_float("x", 0, 1 + trial.number % 3)
        return trial.suggest_int("n", 1, 5) / 10

    study = run(
        30,
        conditional,
        search_space=None,
        language_model="scripted:tuner",
        allocation=FixedShare(0.3, jitter_share=0.3),
    )
    assert all(trial.state.name == "COMPLETE" for trial in study.trials)
    assert {"llm", "jitter", "tpe"} <= set(sources(study))


def test_constraints_and_pruning():
    def constrained(trial):
        value = objective(trial)
        trial.set_constraint("depth", trial.params["depth"] - 6)
        trial.report(value, 0)
        if trial.number % 5 == 4:
            raise optuna.TrialPruned
        return -100.0 if trial.params["depth"] > 6 else value

    study = run(25, constrained, language_model="scripted:tuner")
    gains = [t.system_attrs.get("driftune:gain", 0.0) for t in study.trials]
    assert max(gains) < 50  # an infeasible -100 is no improvement


def test_maximise_is_minimise_upside_down():
    def values(direction, sign):
        sampler = LLMTPESampler(language_model="scripted:tuner", search_space=SPACE, seed=1)
        study = optuna.create_study(direction=direction, sampler=sampler)
        study.optimize(lambda trial: sign * objective(trial), n_trials=25)
        return [sign * trial.value for trial in study.trials]

    assert values("minimize", 1) == pytest.approx(values("maximize", -1))


def test_hyperband_sees_one_history():
    sampler = LLMTPESampler(warm_start=[GOOD, {**GOOD, "depth": 1}], search_space=SPACE, seed=0)
    study = optuna.create_study(
        sampler=sampler, pruner=optuna.pruners.HyperbandPruner(max_resource=9)
    )
    study.optimize(objective, n_trials=8)
    assert sources(study).count("warm_start") == 2


def test_parallel_workers_share_warm_starts_and_calls():
    warm = [{**GOOD, "depth": depth} for depth in (1, 3, 5, 7)]
    sampler = LLMTPESampler(
        language_model="scripted:tuner", warm_start=warm, search_space=SPACE, seed=0
    )
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=16, n_jobs=4)
    first = [t.params["depth"] for t in study.trials if source_of(t) == "warm_start"]
    assert sorted(first) == [1, 3, 5, 7]


def test_parallel_workers_never_run_the_same_proposal():
    sampler = LLMTPESampler(
        language_model="scripted:tuner",
        search_space=SPACE,
        allocation=FixedShare(1.0),
        proposals_per_call=8,
        seed=0,
    )
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=24, n_jobs=4)
    claims = [
        tuple(t.system_attrs["driftune:claim"]) for t in study.trials if source_of(t) == "llm"
    ]
    assert len(claims) >= 8
    assert len(set(claims)) == len(claims)


def test_pickled_sampler_goes_on():
    sampler = LLMTPESampler(language_model="none", warm_start=[GOOD], seed=0)
    study = optuna.create_study(sampler=pickle.loads(pickle.dumps(sampler)))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].params == GOOD


def test_reseeding_changes_the_stream():
    def first(reseed):
        sampler = LLMTPESampler(seed=1)
        if reseed:
            sampler.reseed_rng()
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=1)
        return study.trials[0].params

    assert first(False) == first(False)
    assert first(False) != first(True)


def test_the_null_model_stays_modest():
    study = run(100, warm_start=[GOOD])
    shares = {source: sources(study).count(source) for source in set(sources(study))}
    assert "llm" not in shares
    assert 5 <= shares["jitter"] <= 40
    assert shares["tpe"] >= 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"allocation": EarnedShare},
        {"allocation": 0.5},
        {"language_model": 42},
        {"search_space": {"x": (0, 1)}},
        {"warm_start": {"x": 1}},
        {"dynamic_space": True},
        {"partner": None},
        {"partner": "pt"},
        {"max_cost_usd": -1},
        {"max_wait": float("nan")},
        {"veto": "0.3"},
        {"seed": -1},
        {"history": "sumary"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_argument_is_named_at_once(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        LLMTPESampler(**wrong)


def test_a_partner_may_be_a_subclass():
    class Mine(TPESampler):
        pass

    study = run(14, partner=Mine(seed=1), language_model=None)
    assert "tpe" in sources(study)


def test_several_objectives_are_the_partners_and_that_is_said(caplog):
    sampler = LLMTPESampler(language_model="scripted:tuner", search_space=SPACE, seed=0)
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)
    with caplog.at_level(logging.WARNING, logger="driftune.sampler"):
        study.optimize(lambda trial: (objective(trial), trial.params["depth"]), n_trials=5)
    assert [record for record in caplog.records if "objectives" in record.getMessage()]
    assert len(caplog.records) == 1


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError):
        LLMTPESampler(proposals_per_call=0)
    with pytest.raises(UsageError):
        LLMTPESampler(partner=CmaEsSampler())
    with pytest.raises(UsageError):
        LLMTPESampler(language_model="scripted:nobody")

    class Rogue:
        def choose(self, history, sources, rng):
            return "llm"

    with pytest.raises(UsageError):
        run(6, allocation=Rogue(), partner=TPESampler(seed=1))


def test_credit_by_source_adds_up():
    study = run(20, language_model="scripted:tuner", warm_start=[GOOD | {"depth": 1}])
    credits = {credit.source: credit for credit in credit_by_source(study)}
    assert sum(credit.trials for credit in credits.values()) == 20
    total = study.trials[0].value - study.best_value
    assert sum(credit.gain for credit in credits.values()) == pytest.approx(total)
    assert credits["llm"].calls >= 1
    assert credits["llm"].tokens > 0
    assert credit_by_source(study.trials) == list(credits.values())
    recorded = sum(t.system_attrs.get("driftune:gain", 0.0) for t in study.trials)
    assert recorded == pytest.approx(total)


def test_calls_that_came_to_nothing_are_charged_to_the_model():
    model = ScriptedLanguageModel(lambda messages, schema: "no")
    study = run(6, language_model=model, allocation=FixedShare(1.0))
    (credit,) = [c for c in credit_by_source(study) if c.source == "llm"]
    assert (credit.trials, credit.calls, credit.fallbacks) == (0, 6, 3)
    assert credit.tokens > 0


def test_earned_share_uses_a_model_that_earns():
    """An oracle gets many turns; a model in the worst corner is shut out."""

    def oracle(messages, schema):
        n = messages[-1]["content"].count('"trial"')
        rate = 0.05 + 0.4 * 0.7**n if n % 2 else 0.05 - 0.04 * 0.9**n
        return answer(proposal(rate=rate, leaves=16 + n % 2))

    def worst(messages, schema):
        n = messages[-1]["content"].count('"trial"')
        return answer(proposal(rate=10 ** (-0.02 * n), leaves=64, depth=9, kind="a"))

    counts = {}
    for name, function in (("oracle", oracle), ("worst", worst)):
        counts[name] = 0
        for seed in range(4):
            study = run(
                40,
                language_model=ScriptedLanguageModel(function),
                allocation=EarnedShare(),
                proposals_per_call=1,
                max_model_calls=100,
                seed=seed,
            )
            counts[name] += sources(study).count("llm")
    assert counts["oracle"] > 4 * 9
    assert counts["worst"] < 4 * 6
