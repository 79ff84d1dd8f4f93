"""Versions and their aliases: once each, and never a moment without a champion."""

import os
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest

from driftune.errors import UsageError
from driftune.problem import Problem
from driftune.promotion.registry import CHALLENGER, CHAMPION, PREVIOUS, Registry
from driftune.tracking import Tracker, global_uri
from driftune.tuning import Budget, refit, tune

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "number": RNG.integers(0, 9, 200),
        "share": RNG.normal(size=200),
        "colour": RNG.choice(["red", "blue"], 200),
    }
)
ROWS["y"] = ROWS["number"] + 3 * (ROWS["colour"] == "red")
FEATURES = ROWS[["number", "share", "colour"]]


@pytest.fixture(scope="module")
def model():
    problem = Problem(name="p", target="y", metric="rmse")
    return refit(problem, ROWS, tune(problem, ROWS, budget=Budget(max_trials=1)))


@pytest.fixture(scope="module")
def store(mlflow_database, model, tmp_path_factory):
    """A tracker whose store holds three versions of ``p``, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("registry")
    tracker = Tracker(f"sqlite:///{shutil.copy(mlflow_database, folder)}", folder / "artifacts")
    registry = Registry(tracker.uri, "p")
    for name in "abc":
        run = tracker.retune_run("p", name)
        registry.register(model, FEATURES.head(), run_id=run, retune_id=name, tags={"made": name})
    return tracker


@pytest.fixture
def registry(store, tmp_path):
    """The three versions, in a copy of the store; version 3 is the challenger."""
    source = store.uri.removeprefix("sqlite:///")
    with sqlite3.connect(source) as connection:  # what is still in the write-ahead log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Registry(f"sqlite:///{shutil.copy(source, tmp_path)}", "p")


def aliases(registry):
    return tuple(registry.version_of(alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS))


def test_a_retune_registers_once(registry, store, model):
    again = registry.register(
        model, FEATURES.head(), run_id=store.retune_run("p", "b"), retune_id="b", tags={"more": "x"}
    )
    assert again == 2
    assert registry.versions() == [1, 2, 3]
    assert registry.tags(2).items() >= {"made": "b", "more": "x"}.items()
    assert registry.version_of(CHALLENGER) == 2


def test_the_proof_lies_beside_the_model_and_never_serves(registry, model, tmp_path):
    import mlflow

    problem = Problem(name="p", target="y", metric="rmse")
    early = refit(problem, ROWS.head(100), tune(problem, ROWS, budget=Budget(max_trials=1)))
    run = Tracker(registry.uri, tmp_path / "artifacts").retune_run("p", "d")
    for _ in range(2):
        version = registry.register(
            model, FEATURES.head(), run_id=run, retune_id="d", tags={}, proof=early
        )
        assert version == 4
    np.testing.assert_array_equal(registry.load(4).predict(FEATURES), model.predict(FEATURES))
    np.testing.assert_array_equal(registry.load_proof(4).predict(FEATURES), early.predict(FEATURES))
    with global_uri(registry.uri):
        served = mlflow.sklearn.load_model("models:/p@challenger")
    np.testing.assert_array_equal(served.predict(FEATURES), model.predict(FEATURES))
    assert registry.versions() == [1, 2, 3, 4]


def test_without_a_proof_the_model_itself_is_the_proof(registry):
    assert registry.load_proof(1) is registry.load(1)


def test_a_version_knows_its_run(registry, store):
    assert registry.run_id(2) == store.retune_run("p", "b")
    assert registry.version_of_retune("b") == 2
    assert registry.version_of_retune("nobody") is None


def test_what_is_loaded_predicts_as_what_was_stored(registry, model):
    loaded = registry.load(1)
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))
    gaps = FEATURES.astype({"number": float}).assign(colour="green")
    gaps.loc[0, "number"] = np.nan
    np.testing.assert_array_equal(loaded.predict(gaps), model.predict(gaps))


def test_using_a_registry_leaves_the_users_tracking_uri_alone(registry, monkeypatch):
    registry.load(1)
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert "MLFLOW_REGISTRY_URI" not in os.environ
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mine")
    registry.load(2)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://mine"


def test_a_version_carries_signature_and_example(registry):
    import mlflow

    with global_uri(registry.uri):
        stored = mlflow.pyfunc.load_model("models:/p/1")
    assert stored.metadata.signature.inputs.input_names() == list(FEATURES)
    assert len(stored.input_example) == 5
    assert len(stored.predict(stored.input_example)) == 5


def test_promoting_moves_the_aliases(registry):
    assert aliases(registry) == (None, 3, None)
    assert registry.promote(1) is None
    assert aliases(registry) == (1, 3, None)
    assert registry.promote(3) == 1
    assert aliases(registry) == (3, None, 1)


def test_promoting_again_is_the_same_as_once(registry):
    registry.promote(1)
    for _ in range(2):
        assert registry.promote(2) == 1
        assert aliases(registry) == (2, 3, 1)


def test_promoting_after_a_kill_between_the_two_writes_ends_right(registry):
    registry.promote(1)
    registry.client.set_registered_model_alias("p", PREVIOUS, "1")  # the first write of promote(2)
    assert registry.version_of(CHAMPION) == 1
    registry.promote(2)
    assert aliases(registry) == (2, 3, 1)


def test_a_change_is_announced_until_it_is_forgotten(registry):
    assert registry.announced() is None
    registry.announce({"version": 2, "kind": "promotion"})
    assert Registry(registry.uri, "p").announced() == {"version": 2, "kind": "promotion"}
    registry.forget_announcement()
    assert registry.announced() is None
    assert Registry(registry.uri, "nobody").announced() is None


def test_a_rejected_version_is_no_challenger_any_more(registry):
    registry.withdraw(2)
    assert registry.version_of(CHALLENGER) == 3
    registry.withdraw(3)
    assert registry.version_of(CHALLENGER) is None


def test_an_unknown_version_is_refused_and_nothing_moves(registry):
    registry.promote(1)
    with pytest.raises(UsageError, match=r"9.*\[1, 2, 3\]"):
        registry.promote(9)
    assert aliases(registry) == (1, 3, None)


def test_a_problem_without_a_model_has_no_champion(registry):
    nobody = Registry(registry.uri, "nobody")
    assert aliases(nobody) == (None, None, None)
    assert nobody.versions() == []


def test_tags_take_dots(registry):
    registry.tag(1, driftune__gate="x")
    assert registry.tags(1)["driftune.gate"] == "x"
