"""``driftune export``: what it writes, what it says, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from driftune.cli.app import app
from driftune.problem import Problem
from driftune.promotion.registry import Registry
from driftune.tuning import Budget, predict, prepare, refit, tune

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def champion(module_project):
    """A champion in the registry, and the rows that the gate judged it on."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=400), "c": rng.choice(["a", "b"], 400)})
    rows["y"] = rows["x"] + 3 * (rows["c"] == "a")
    problem = Problem(name="pump", target="y", metric="rmse")
    space = {"num_leaves": {"type": "int", "low": 4, "high": 8}}
    result = tune(problem, rows, space=space, budget=Budget(max_trials=1), n_folds=2, n_jobs=1)
    model = refit(problem, rows, result, n_jobs=1)
    registry = Registry(module_project.tracking_uri, "pump")
    run = module_project.tracker.retune_run("pump", "pump-1")
    version = registry.register(
        model, prepare(problem, rows).X.head(3), run_id=run, retune_id="pump-1", tags={}
    )
    registry.promote(version)
    folder = module_project.root / "conf" / "problems"
    (folder / "pump.yml").write_text(
        "target: y\nmetric: rmse\nrows: rows.csv\ntuning:\n  constraints: {model_size_kb: 1}\n"
    )
    return model, rows


def call(*words):
    return CliRunner().invoke(app, ["export", *map(str, words)])


@pytest.mark.parametrize("to", ["onnx", "lightgbm-text"])
def test_the_champion_is_written_and_proven(champion, to, tmp_path, monkeypatch):
    from driftune.export import load_exported
    from driftune.project import Project

    model, rows = champion
    monkeypatch.setattr(Project, "load_dataset", lambda self, name, **given: rows)
    done = call("pump", "--to", to, "--out", tmp_path / "m", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["version"], said["format"]) == (1, to)
    assert said["largest_difference"] <= said["tolerance"] * said["scale"]
    assert said["over_model_size_kb"] is True
    found = load_exported(tmp_path / "m").predict(rows)
    np.testing.assert_allclose(found, predict(model, rows, "regression"), atol=1e-5)
    text = call("pump", "--to", to, "--out", tmp_path / "m")
    assert "model_size_kb" in text.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["pump", "--to", "onx", "--out", "m"], 2),
        (["pump", "7", "--out", "m"], 2),
        (["pump", "--out", "nowhere/m"], 2),
        (["pump"], 2),
        (["tiny", "--out", "m"], 1),
    ],
)
def test_what_cannot_be_is_refused(champion, words, code, tmp_path, monkeypatch):
    from driftune.errors import DriftuneError

    monkeypatch.chdir(tmp_path)
    done = call(*words)
    known = done.exception.exit_code if isinstance(done.exception, DriftuneError) else None
    assert (known or done.exit_code) == code
    assert list(tmp_path.iterdir()) == []
