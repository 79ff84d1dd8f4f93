"""The released sampler's rules."""

import json

import optuna
import pytest

from driftune.bench import PublishedSLLMBO
from driftune.errors import LanguageModelError, UsageError
from driftune.language_model import ScriptedLanguageModel

NAMES = ["p", "q", "r", "s"]


def objective(trial):
    return sum((trial.suggest_float(name, 0, 10) - 2) ** 2 for name in NAMES)


def constant(value):
    return ScriptedLanguageModel(
        lambda messages, schema: dict.fromkeys(schema["properties"], value)
    )


def study_with(model, n_trials=40, seed=0):
    sampler = PublishedSLLMBO(model, metric="loss", seed=seed)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return study, sampler


def documents(messages):
    return [json.loads(line) for line in messages[-1]["content"].splitlines() if line[0] == "{"]


def test_the_first_trial_asks_for_each_parameter_alone():
    model = constant(7.0)
    study, _ = study_with(model, n_trials=1)
    assert study.trials[0].params == dict.fromkeys(NAMES, 7.0)
    asked = [[d["name"] for d in documents(m) if "name" in d] for m in model.asked]
    assert asked == [[name] for name in NAMES]
    assert not any("configuration" in d for m in model.asked for d in documents(m))


def test_about_half_of_the_configurations_mix_both_sources_and_some_come_whole():
    counts = [
        [
            list(trial.params.values()).count(7.0)
            for trial in study_with(constant(7.0), 50, s)[0].trials
        ]
        for s in range(6)
    ]
    shares = [sum(0 < count < len(NAMES) for count in each) / len(each) for each in counts]
    assert 0.3 < sum(shares) / len(shares) < 0.6
    assert all(0 in each and len(NAMES) in each for each in counts)


def test_only_the_incumbent_is_shown():
    model = constant(7.0)
    study, _ = study_with(model)
    last = [d for d in documents(model.asked[-1]) if "configuration" in d]
    assert len(last) == 1
    before = [t for t in study.trials[:-1] if t.value == last[0]["value"]]
    assert before and before[0].params == last[0]["configuration"]


def test_numbers_outside_are_moved_inside():
    study, sampler = study_with(constant(99.0), n_trials=5)
    assert study.trials[0].params == dict.fromkeys(NAMES, 10.0)
    assert sampler.fallbacks == 0


@pytest.mark.parametrize(
    "answer", ["about seven", '{"p": "seven"}', "{}", LanguageModelError("away"), '{"p": NaN}']
)
def test_what_cannot_be_read_becomes_the_middle_and_is_counted(answer):
    model = ScriptedLanguageModel(lambda messages, schema: answer)
    study, sampler = study_with(model, n_trials=3)
    assert study.trials[0].params == dict.fromkeys(NAMES, 5.0)
    assert sampler.fallbacks >= len(NAMES)


def test_the_seed_decides():
    first, second, third = (study_with(constant(7.0), seed=seed)[0] for seed in (1, 1, 2))
    assert [t.params for t in first.trials] == [t.params for t in second.trials]
    assert [t.params for t in first.trials] != [t.params for t in third.trials]


def test_categories_are_refused_as_they_were():
    study = optuna.create_study(sampler=PublishedSLLMBO(constant(1), seed=0))
    with pytest.raises(UsageError, match="numbers"):
        study.optimize(lambda trial: trial.suggest_categorical("c", [1, 2]), n_trials=1)
