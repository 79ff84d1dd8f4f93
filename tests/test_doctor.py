"""The doctor finds what is wrong and says how to mend it."""

import shutil

import pytest

from driftune import doctor
from driftune.environment import NO_TELEMETRY

QUICK = [check for check in doctor.CHECKS if check is not doctor.check_prefect]


def states(found):
    return {finding.name: finding.state for finding in found}


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.__name__)
def test_a_sound_installation_has_nothing_bad(check, project):
    assert "bad" not in states(check()).values()


@pytest.mark.parametrize(
    "check", [doctor.check_project, doctor.check_ledger, doctor.check_mlflow, doctor.check_dvc]
)
def test_outside_a_project_the_check_fails_and_does_not_break(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (finding,) = check()
    assert finding.state == "bad"
    assert "clone" in finding.remedy  # `dvc init` anywhere else would not help


def test_an_old_and_a_missing_package_are_bad_and_named(monkeypatch):
    have = {"optuna": "4.9.1", "fastapi": "0.151.2"}
    real = doctor.version

    def version(name):
        if name == "dvc":
            raise doctor.PackageNotFoundError(name)
        return have.get(name) or real(name)

    monkeypatch.setattr(doctor, "version", version)
    found = {finding.name: finding for finding in doctor.check_versions()}
    assert {name for name, f in found.items() if f.state == "bad"} == {"optuna", "fastapi", "dvc"}
    assert ">=5.0" in found["optuna"].remedy
    assert "<0.151" in found["fastapi"].remedy


def test_a_wrong_problem_file_is_found(project):
    (project.root / "conf/problems/mine.yml").write_text("target: y\n")
    (finding,) = doctor.check_project()
    assert finding.state == "bad"
    assert "mine.yml" in finding.said


def test_looking_at_dvc_makes_nothing(project):
    shutil.rmtree(project.root / ".dvc")
    (finding,) = doctor.check_dvc()
    assert finding.state == "note"
    assert not (project.root / ".dvc").exists()


def test_services_that_are_away_are_bad(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("DRIFTUNE_LEDGER_URL", "postgresql+psycopg://me@127.0.0.1:9/none")
    for check in (doctor.check_mlflow, doctor.check_prefect, doctor.check_ledger):
        (finding,) = check()
        assert finding.state == "bad"
        assert finding.remedy


def test_keys_are_named_and_never_shown(monkeypatch):
    assert states(doctor.check_language_model()) == {"language model": "note"}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    (finding,) = doctor.check_language_model()
    assert "OPENAI_API_KEY" in finding.said
    assert "secret" not in finding.said


def test_telemetry_that_the_user_wants_is_told(monkeypatch):
    assert states(doctor.check_telemetry()) == {"telemetry": "ok"}
    name = next(iter(NO_TELEMETRY))
    monkeypatch.setenv(name, "changed")
    (finding,) = doctor.check_telemetry()
    assert (finding.state, name in finding.said) == ("note", True)
