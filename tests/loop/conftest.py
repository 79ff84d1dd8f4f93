"""A problem with four registered versions and no pipelines: what the gate and the champion need."""

import shutil
import sqlite3
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

SEARCH, PROMOTION, LATER = slice(0, 3000), slice(3000, 5000), slice(5000, 9000)


def make_rows(seed=0, n=9000):
    """Hourly rows: ``y`` depends on ``x`` much, on ``z`` less."""
    rng = np.random.default_rng(seed)
    x, z, noise = rng.normal(size=(3, n))
    return pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=n, freq="h"),
            "shop": rng.choice(["north", "south"], size=n),
            "x": x,
            "z": z,
            "y": 10 * x + 3 * z + 2 * noise,
        }
    )


def fit(rows, columns, spoil=0.0):
    """A small linear model; ``spoil`` makes it a little wrong."""
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LinearRegression())
    model.fit(rows[columns], rows["y"])
    model[-1].coef_ = model[-1].coef_ * (1 + spoil)
    return model


VERSIONS = {  # number -> columns, how wrong
    1: (["x"], 0.0),  # decent
    2: (["x", "z"], 0.05),  # clearly better
    3: (["x", "z"], 0.0),  # better still, but for what nobody can notice
    4: (["x"], 0.3),  # bad
}


@pytest.fixture(scope="session")
def versions_database(mlflow_database, tmp_path_factory):
    """An MLflow store with the versions of the problem ``shop``; made once, it takes seconds."""
    from driftune.promotion.registry import Registry
    from driftune.tracking import Tracker

    folder = tmp_path_factory.mktemp("versions")
    path = shutil.copy(mlflow_database, folder)
    tracker = Tracker(f"sqlite:///{path}", folder / "artifacts")
    rows = make_rows()
    for number, (columns, spoil) in VERSIONS.items():
        retune = f"retune-{number}"
        made = Registry(tracker.uri, "shop").register(
            fit(rows[SEARCH], columns, spoil),
            rows[columns].head(),
            run_id=tracker.retune_run("shop", retune),
            retune_id=retune,
            tags={
                "driftune.search_until": rows["at"][SEARCH].max().isoformat(),
                "driftune.rows_until": rows["at"][SEARCH].max().isoformat(),
            },
        )
        assert made == number
    with sqlite3.connect(path) as connection:  # what is still in the write-ahead log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def shop(project, versions_database, monkeypatch):
    """The project, its settings, registry and ledger; the datasets are tables in memory."""
    from driftune.settings import Settings

    shutil.copy(versions_database, project.state / "mlflow.db")
    rows = make_rows()
    tables = {"search_rows": rows[SEARCH], "promotion_rows": rows[PROMOTION]}
    kind = type(project)
    monkeypatch.setattr(kind, "load_dataset", lambda self, name, **_: tables[name].copy())
    settings = Settings(
        name="shop", target="y", metric="rmse", time="at",
        rows=project.root / "rows.csv", gate={"n_resamples": 300},
    )  # fmt: skip
    return SimpleNamespace(
        project=project, settings=settings, registry=project.registry("shop"),
        ledger=project.ledger, rows=rows, tables=tables,
        gate=lambda **changes: settings.model_copy(
            update={"gate": type(settings.gate)(**{"n_resamples": 300, **changes})}
        ),
    )  # fmt: skip
