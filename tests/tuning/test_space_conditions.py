"""``when`` and ``start``: only what exists is asked for, and what cannot be is refused."""

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.language_model import ScriptedLanguageModel
from driftune.sampler import DynamicSpace, FixedShare, LLMTPESampler, source_of
from driftune.tuning import SearchSpace
from driftune.tuning.families import get_family

optuna.logging.set_verbosity(optuna.logging.ERROR)
RATE = {"type": "float", "low": 0.01, "high": 1.0, "log": True}
KIND = {"type": "categorical", "choices": ["ridge", "net", "tree"]}
DEPTH = {"type": "int", "low": 1, "high": 9, "step": 2}

kinds = st.sampled_from(
    [
        {"type": "float", "low": -1.0, "high": 1.0},
        {"type": "float", "low": 0.001, "high": 1.0, "log": True},
        {"type": "float", "low": 0.0, "high": 0.9, "step": 0.3},
        {"type": "int", "low": 1, "high": 64, "log": True},
        DEPTH,
        KIND,
        {"type": "categorical", "choices": [True, False]},
    ]
)


def conditions_on(draw, parent):
    """A condition that some values of the parent fulfil."""
    if parent["type"] == "categorical":
        one = draw(st.sampled_from(parent["choices"]))
        return draw(st.sampled_from([one, [one], parent["choices"]]))
    middle = (parent["low"] + parent["high"]) / 2
    return draw(st.sampled_from([{"low": middle}, {"high": middle}, {"low": parent["low"]}]))


@st.composite
def spaces(draw):
    """Up to eight parameters, each of which may depend on one or two that are there already."""
    entries = {}
    for number in range(draw(st.integers(1, 8))):
        entry = dict(draw(kinds))
        parents = draw(st.lists(st.sampled_from(sorted(entries)), max_size=2)) if entries else []
        if parents:
            entry["when"] = {name: conditions_on(draw, entries[name]) for name in parents}
        entries[f"p{number}"] = entry
    return dict(draw(st.permutations(list(entries.items()))))


def exists(entries, name, values):
    """Whether a parameter exists, read from the mapping as it stands in YAML."""
    for parent, wanted in entries[name].get("when", {}).items():
        if parent not in values:
            return False
        value = values[parent]
        if isinstance(wanted, dict):
            if not wanted.get("low", value) <= value <= wanted.get("high", value):
                return False
        elif value not in (wanted if isinstance(wanted, list) else [wanted]):
            return False
    return True


def parse(entries):
    try:
        return SearchSpace.parse(entries)
    except UsageError as refusal:
        assume("could never exist" not in str(refusal))
        raise


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(0, 1000))
def test_only_what_exists_is_asked_for_and_every_value_lies_in_its_limits(entries, seed):
    space = parse(entries)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    values = space.suggest(trial)
    assert values == trial.params
    assert set(values) == {name for name in entries if exists(entries, name, values)}
    for name, value in values.items():
        distribution = space.distributions()[name]
        assert distribution._contains(distribution.to_internal_repr(value))
    assert space.nearest(values) == values
    assert SearchSpace.parse(space.to_dict()) == space


@settings(max_examples=60, deadline=None)
@given(spaces(), st.lists(st.floats(-100, 100), min_size=8, max_size=8))
def test_what_is_moved_into_a_space_can_be_run_there_and_stays(entries, numbers):
    space = parse(entries)
    moved = space.nearest({f"p{i}": number for i, number in enumerate(numbers)})
    assert space.nearest(moved) == moved
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(moved)
    assert space.suggest(study.ask()) == moved


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ({"knd": "net"}, "Did you mean 'kind'"),
        ({"kind": "nett"}, "Did you mean 'net'"),
        ({"kind": ["net", "forest"]}, "'forest'"),
        ({"kind": []}, "empty"),
        ({"kind": {"low": 1}}, "categorical"),
        ({"depth": 2}, "1 to 9"),
        ({"depth": 11}, "1 to 9"),
        ({"depth": {"low": 10}}, "1 to 9"),
        ({"depth": {"low": 1.5, "high": 2.5}}, "1 to 9"),
        ({"depth": {"lo": 3}}, "Did you mean 'low'"),
        ({"rate": 0.1}, "{low: ..., high: ...}"),
        ({"share": 0.5}, "no other parameter"),
        ({}, "when"),
        ("net", "when"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused(when, told):
    share = {"type": "float", "low": 0.0, "high": 1.0, "when": when}
    with pytest.raises(UsageError) as refusal:
        SearchSpace.parse({"kind": KIND, "depth": DEPTH, "rate": RATE, "share": share})
    assert "tuning.space.share.when" in str(refusal.value)
    assert told in str(refusal.value)


def test_parameters_that_wait_for_each_other_are_refused():
    entries = {
        "a": {**DEPTH, "when": {"b": 1}},
        "b": {**DEPTH, "when": {"a": 1}},
        "c": DEPTH,
    }
    with pytest.raises(UsageError, match="a, b wait for each other"):
        SearchSpace.parse(entries)


def test_conditions_that_exclude_each_other_over_a_generation_are_refused():
    entries = {
        "kind": KIND,
        "mix": {**RATE, "when": {"kind": "net"}},
        "deep": {**DEPTH, "when": {"mix": {"low": 0.5}, "kind": ["tree", "ridge"]}},
    }
    with pytest.raises(UsageError, match="deep could never exist"):
        SearchSpace.parse(entries)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({**RATE, "start": {"low": 0.001, "high": 0.1}}, "0.01 and 1"),
        ({**RATE, "start": {"low": 0.5, "high": 0.1}}, "0.5 to 0.1"),
        ({**RATE, "start": {"low": 0.5}}, "{low: ..., high: ...}"),
        ({**RATE, "start": [0.1, 0.2]}, "{low: ..., high: ...}"),
        ({**DEPTH, "start": {"low": 1.5, "high": 3}}, "whole number"),
        ({**KIND, "start": {"low": 1, "high": 3}}, "categorical"),
        ({**RATE, "strat": {"low": 0.1, "high": 0.2}}, "Did you mean 'start'"),
        ({"type": "int", "low": 1, "high": 8, "step": 3}, "the last one is 7"),
        ({"type": "float", "low": 0, "high": 1, "step": -0.1}, "step"),
        ({"type": "categorical", "choices": ["a", "a"]}, "'a' twice"),
        ({"type": "categorical", "choices": [[64], [64, 64]]}, r"[64]"),
    ],
)
def test_a_wrong_start_or_choice_is_refused(entry, told):
    with pytest.raises(UsageError) as refusal:
        SearchSpace.parse({"rate": entry})
    assert told in str(refusal.value)


def test_other_names_of_a_parameter_are_read_in_conditions_too():
    space = SearchSpace.load(
        {
            "n_estimators": {"type": "int", "low": 10, "high": 20},
            "subsample": {
                "type": "float", "low": 0.5, "high": 1.0, "when": {"n_estimators": [10, 11]},
            },
        },
        get_family("lightgbm"),
    )  # fmt: skip
    assert list(space.when) == ["bagging_fraction"]
    assert list(space.when["bagging_fraction"]) == ["num_iterations"]


def test_one_parameter_under_two_names_is_refused():
    twice = dict.fromkeys(("subsample", "bagging_fraction"), RATE)
    with pytest.raises(UsageError, match="bagging_fraction"):
        SearchSpace.load(twice, get_family("lightgbm"))


def test_the_default_sampler_and_a_language_model_search_a_conditional_space():
    space = SearchSpace.parse(
        {
            "kind": KIND,
            "rate": RATE,
            "mix": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": "net"}},
            "depth": {**DEPTH, "when": {"kind": "tree"}},
        }
    )
    answer = {
        "proposals": [
            {"configuration": {"kind": "net", "rate": 0.2 + i / 50, "mix": 0.4, "depth": 3}}
            for i in range(4)
        ]
    }
    sampler = LLMTPESampler(
        language_model=ScriptedLanguageModel([answer]),
        search_space=space.distributions(),
        warm_start=[{"kind": "tree", "rate": 0.5, "depth": 9}, {"kind": "ridge", "rate": 0.1}],
        allocation=FixedShare(0.5),
        max_model_calls=1,
        seed=0,
    )
    study = optuna.create_study(sampler=sampler)

    def objective(trial):
        values = space.suggest(trial)
        assert ("mix" in values) == (values["kind"] == "net")
        assert ("depth" in values) == (values["kind"] == "tree")
        return values["rate"] + values.get("mix", 0.3) + values.get("depth", 0)

    study.optimize(objective, n_trials=30)
    assert study.trials[0].params == {"kind": "tree", "rate": 0.5, "depth": 9}
    assert study.trials[1].params == {"kind": "ridge", "rate": 0.1}
    assert {source_of(t) for t in study.trials} >= {"warm_start", "llm", "tpe"}
    model = [t.params for t in study.trials if source_of(t) == "llm"]
    assert all(p["kind"] == "net" and p["mix"] == 0.4 and "depth" not in p for p in model)


def test_the_null_model_stays_in_the_incumbents_branch():
    entries = {"kind": KIND}
    for kind in KIND["choices"]:
        for name in ("a", "b"):
            number = {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": kind}}
            entries[f"{kind}.{name}"] = number
    space = SearchSpace.parse(entries)
    study = optuna.create_study(sampler=LLMTPESampler(search_space=space.distributions(), seed=1))

    def objective(trial):
        values = space.suggest(trial)
        penalty = KIND["choices"].index(values["kind"])
        return penalty + sum(v for v in values.values() if isinstance(v, float))

    study.optimize(objective, n_trials=50)
    jittered = [t for t in study.trials if source_of(t) == "jitter"]
    assert jittered
    for trial in jittered:
        best = min(study.trials[: trial.number], key=lambda other: other.value)
        assert trial.params.keys() == best.params.keys()
        assert trial.params["kind"] == best.params["kind"]
        assert trial.params != best.params


def test_a_starting_box_in_a_branch_is_left_when_the_best_lies_beyond_it():
    number = {"type": "float", "low": 0.0, "high": 1.0, "start": {"low": 0.7, "high": 0.9}}
    space = SearchSpace.parse(
        {"kind": KIND, "net.a": {**number, "when": {"kind": "net"}}, "free": number}
    )
    sampler = LLMTPESampler(
        search_space=space.distributions(), dynamic_space=DynamicSpace(start=space.start), seed=0
    )
    study = optuna.create_study(sampler=sampler)

    def objective(trial):
        values = space.suggest(trial)
        return values.get("net.a", 2.0) + values["free"]

    study.optimize(objective, n_trials=60)
    first = [t.params for t in study.trials[:5]]
    assert all(0.7 <= v <= 0.9 for p in first for v in p.values() if isinstance(v, float))
    assert study.best_params["net.a"] < 0.5
    assert study.best_params["free"] < 0.5
