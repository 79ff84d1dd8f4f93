"""Which folder is the project, and where it keeps its state."""

import pytest

from driftune.errors import UsageError
from driftune.project import Project
from driftune.settings import Tuning


def test_it_is_found_from_below(project, monkeypatch):
    monkeypatch.delenv("DRIFTUNE_PROJECT")
    below = project.root / "conf" / "test"
    monkeypatch.chdir(below)
    assert Project.find().root == project.root
    assert Project.find(below).root == project.root


def test_a_folder_with_another_pyproject_is_none(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    with pytest.raises(UsageError, match="DRIFTUNE_PROJECT"):
        Project.find(tmp_path)


def test_state_and_databases_can_be_moved(project, monkeypatch, tmp_path):
    assert project.ledger_url == f"sqlite:///{project.root}/.driftune/ledger.db"
    monkeypatch.setenv("DRIFTUNE_STATE", str(tmp_path / "state"))
    assert project.ledger_url.startswith(f"sqlite:///{tmp_path}/state")
    assert f"{tmp_path}/state" in project.tracking_uri
    monkeypatch.setenv("DRIFTUNE_LEDGER_URL", "postgresql://a/b")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert project.ledger_url == "postgresql://a/b"
    assert project.tracking_uri == "http://127.0.0.1:5000"


def test_a_relative_state_folder_lies_in_the_project(project, monkeypatch):
    monkeypatch.setenv("DRIFTUNE_STATE", "elsewhere")
    assert project.state == project.root / "elsewhere"


def test_local_configuration_wins(project):
    local = project.root / "conf/local"
    (local / "mlflow.yml").write_text("tracking_uri: http://127.0.0.1:1\n")
    (local / "problems").mkdir()
    (local / "problems" / "mine.yml").write_text("target: y\nmetric: rmse\nrows: a.csv\n")
    assert Project(project.root).tracking_uri == "http://127.0.0.1:1"
    assert project.problems() == ["air_time", "late", "mine"]
    assert project.settings("mine").rows == project.root / "a.csv"


def test_a_function_that_pyproject_does_not_name_is_told(project):
    path = project.root / "pyproject.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("serve =")]
    path.write_text("\n".join(kept))
    with pytest.raises(UsageError, match="'serve'"):
        project.serve()


def test_a_search_waits_for_no_key_but_a_misspelt_model_is_told(project, monkeypatch, caplog):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert project.language_model(Tuning(language_model="gpt-4o-mini")) is None
    assert "OPENAI_API_KEY" in caplog.text
    with pytest.raises(UsageError, match="gpt-4o-mini"):
        project.language_model(Tuning(language_model="gpt-4o-mimi"))
