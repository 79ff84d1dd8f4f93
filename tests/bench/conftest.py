"""Tiny tables and a language model that costs nothing."""

import numpy as np
import optuna
import pandas as pd
import pytest

from driftune.bench import Table, prepare
from driftune.bench.recipes import Recipe


@pytest.fixture(autouse=True)
def _quiet_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def frame():
    """120 rows: two numbers, a text, a whole number of three values, and two targets."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 120))
    colour = np.where(a > 0, "red", "blue")
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "colour": colour,
            "price": 10 + 3 * a + rng.normal(scale=0.3, size=120),
            "grade": np.where(a + b > 0.5, "good", "bad"),
        }
    )


@pytest.fixture
def csv(frame, tmp_path):
    path = tmp_path / "houses.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def make_task(csv):
    """Return a function that prepares the tiny table with a recipe."""

    def make(target="price", **settings):
        return prepare(Table("houses", Recipe(target=target, **settings), csv))

    return make


@pytest.fixture
def small_space(monkeypatch):
    """Few trees, so that a fit takes milliseconds."""
    from optuna.distributions import FloatDistribution, IntDistribution

    from driftune.bench import models

    small = {
        "max_depth": IntDistribution(2, 4),
        "learning_rate": FloatDistribution(0.05, 0.5),
        "n_estimators": IntDistribution(2, 8),
    }
    for name in models.SPACES:
        monkeypatch.setitem(models.SPACES, name, small)
    return small
