"""Search spaces: read what is written, refuse what is not known, keep values inside."""

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.tuning import SearchSpace
from driftune.tuning.families import get_family

FAMILY = get_family("lightgbm")


@pytest.mark.parametrize("preset", sorted(FAMILY.presets))
def test_presets_suggest_inside_their_limits_and_can_be_written_back(preset):
    space = SearchSpace.load(preset, FAMILY)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    params = space.suggest(study.ask())
    assert set(params) == set(space.parameters)
    assert space.nearest(params) == params
    assert SearchSpace.parse(space.to_dict()) == space


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ("recomended", "Did you mean 'recommended'"),
        ({"num_leafs": {"type": "int", "low": 2, "high": 4}}, "Did you mean 'num_leaves'"),
        ({"num_leaves": {"type": "int", "low": 2, "hi": 4}}, "unknown key 'hi'"),
        ({"num_leaves": {"type": "integer", "low": 2, "high": 4}}, "Did you mean 'int'"),
        ({"num_leaves": {"low": 2, "high": 4}}, "type"),
        ({"num_leaves": {"type": "int", "low": 9, "high": 4}}, "num_leaves"),
        ({"num_leaves": {"type": "int", "low": 2.5, "high": 4}}, "num_leaves.low"),
        ({"learning_rate": {"type": "float", "low": 0, "high": 1, "log": True}}, "learning_rate"),
        ({"extra_trees": {"type": "categorical"}}, "extra_trees.choices"),
        ({"num_leaves": 31}, "num_leaves"),
        ({}, "empty"),
    ],
)
def test_a_wrong_space_is_refused_with_its_name(space, told):
    with pytest.raises(UsageError) as refusal:
        SearchSpace.load(space, FAMILY)
    assert told in str(refusal.value)


def test_names_of_the_scikit_learn_interface_are_read():
    space = SearchSpace.load({"subsample": {"type": "float", "low": 0.5, "high": 1.0}}, FAMILY)
    assert list(space.parameters) == ["bagging_fraction"]


@given(st.floats(-1e6, 1e6))
def test_nearest_is_inside_and_stays(value):
    space = SearchSpace.load("recommended", FAMILY)
    moved = space.nearest(dict.fromkeys(space.parameters, value))
    for name, distribution in space.distributions().items():
        assert distribution.low <= moved[name] <= distribution.high
    assert space.nearest(moved) == moved
