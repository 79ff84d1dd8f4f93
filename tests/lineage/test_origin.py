"""What is on record about a version, its rows back, and trial 0 replayed on them.

Slow: the module retunes twice, and each replay starts a process that imports everything.
"""

import hashlib
import json
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from driftune import lineage, loop
from driftune.cli.origin import describe_origin
from driftune.errors import DriftuneError, ServiceUnavailable

pytestmark = pytest.mark.slow
SMALL = {"budget": {"max_trials": 6, "max_seconds": None, "max_llm_calls": 2}}


@pytest.fixture(scope="module")
def made(module_project):
    """Two versions: of the initial rows, and of two batches more, with a champion in between."""
    project = module_project
    settings = project.settings("tiny")
    settings = settings.model_copy(update={"tuning": settings.tuning_with(SMALL)})
    first = loop.retune(project, settings, trigger="first", tuning=SMALL)
    for name in ("week_13", "week_14"):
        loop.watch_batch(project, settings, name)
    second = loop.retune(project, settings, through="week_14", tuning=SMALL)
    versions = project.registry("tiny").versions()
    return project, settings, [first, second], versions


@pytest.fixture(scope="module")
def origins(made):
    project, settings, _, versions = made
    return [lineage.read_origin(project, settings, version) for version in versions]


def fingerprint(folder):
    """Every file of the live project, but for locks and for what DVC remembers of hashes."""
    return {
        str(file.relative_to(folder)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and ".driftune/dvc/" not in str(file)
        and file.suffix not in {".lock", ".db-shm", ".db-wal"}
    }


def test_the_record_says_all_that_made_the_version(made, origins):
    project, _, (_, second), _ = made
    origin = origins[-1]
    assert origin.retune_id == second.id
    assert origin.batches == ["initial", "week_13", "week_14"]
    assert origin.code == "no-git"
    assert origin.study.startswith("tiny-")
    assert set(origin.parameters) >= {"learning_rate", "num_leaves"}
    assert origin.gate["rows"] == second.details["verdict"]["rows"]
    assert origin.first_trial.score > 0
    run = project.tracker.client.get_run(origin.run)
    assert run.data.tags["driftune.data_version"] == origin.data_version
    assert json.loads(json.dumps(origin.settings))["tuning"]["budget"]["max_trials"] == 6


def test_what_the_language_model_was_asked_is_told(origins):
    origin = origins[0]
    assert 1 <= len(origin.prompts) <= 2
    question = origin.prompts[0]
    assert "hyperparameters" in question.messages[0]["content"]
    assert question.answer
    text = "\n".join(describe_origin(origin, {}, prompts=True))
    assert question.messages[-1]["content"] in text
    assert question.answer in text
    short = "\n".join(describe_origin(origin, {}))
    assert question.answer not in short
    assert "--prompts" in short


def test_the_rows_come_back_with_the_lookups_of_their_features(made, origins, tmp_path):
    project, settings, _, _ = made
    folder = lineage.restore(project.root, "tiny", origins[-1].rows, into=tmp_path / "rows")
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert names == [
        "initial.parquet", "lookups/planes.parquet", "lookups/weather.parquet",
        "week_13.parquet", "week_14.parquet",
    ]  # fmt: skip
    for join in settings.features.joins:
        assert (folder / "lookups" / join.table.name).read_bytes() == join.table.read_bytes()


@pytest.fixture
def moved_on(made, monkeypatch):
    """The same project, whose data, settings and studies are no longer those of the record."""
    project, settings, _, _ = made
    changed = []

    def change(path, act):
        kept = path.with_name(f"{path.name}.kept")
        shutil.copy2(path, kept)
        changed.append((path, kept))
        act(path)

    def shift(path):
        table = pd.read_parquet(path)
        for column in table.select_dtypes("number"):
            table[column] = table[column] * 2 + 1
        table.to_parquet(path, index=False)

    accepted = project.root / "data/02_intermediate/tiny/accepted"
    for path in (accepted / "initial.parquet", settings.features.joins[0].table):
        change(path, shift)
    change(project.state / "studies.db", lambda path: path.unlink())
    problem = project.root / "conf/test/problems/tiny.yml"
    values = yaml.safe_load(problem.read_text())
    values["tuning"] |= {"seed": 9, "folds": 4, "family": "hist_gradient_boosting"}
    change(problem, lambda path: path.write_text(yaml.safe_dump(values)))
    yield project
    for path, kept in changed:
        kept.replace(path)


@pytest.mark.parametrize("number", [0, 1])
def test_trial_0_gives_the_same_score_on_the_restored_rows(moved_on, origins, number):
    settings = moved_on.settings("tiny")
    assert settings.tuning.seed == 9
    before = fingerprint(moved_on.root)
    replayed = lineage.replay(moved_on, settings, origins[number])
    assert replayed.same_study
    assert replayed.same
    assert replayed.score == pytest.approx(origins[number].first_trial.score, rel=1e-6)
    assert "again" in replayed.sentence
    assert fingerprint(moved_on.root) == before


def test_another_score_is_said_with_both_numbers(made, origins):
    project, settings, _, _ = made
    origin = origins[0]
    wrong = replace(origin.first_trial, score=origin.first_trial.score * 1.01)
    replayed = lineage.replay(project, settings, replace(origin, first_trial=wrong))
    assert not replayed.same
    assert replayed.same_study
    assert f"{wrong.score:.6g}" in replayed.sentence
    assert f"{replayed.score:.6g}" in replayed.sentence


def test_a_version_without_a_trial_is_not_replayed(made, origins):
    project, settings, _, _ = made
    with pytest.raises(DriftuneError, match="trial 0"):
        lineage.replay(project, settings, replace(origins[0], first_trial=None))


def test_rows_that_are_gone_are_named(made, origins):
    project, settings, _, _ = made
    gone = replace(origins[0], data_version="f" * 32 + ".dir")
    with pytest.raises(ServiceUnavailable, match="f" * 32):
        lineage.replay(project, settings, gone)


def test_a_code_that_stops_is_said_in_a_sentence(made, origins):
    project, settings, _, _ = made
    broken = {**origins[0].settings, "target": "no_such_column"}
    with pytest.raises(DriftuneError, match="no_such_column"):
        lineage.replay(project, settings, replace(origins[0], settings=broken))


@pytest.fixture
def command(made, capsys, monkeypatch):
    """Call the command line in the project; returns exit code, stdout and stderr."""
    from driftune.cli import main

    project, _, _, _ = made
    monkeypatch.chdir(project.root)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["driftune", "lineage", "tiny", *words])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return call


def test_the_command_tells_restores_and_prints_the_prompts(command, origins, tmp_path):
    code, out, _ = command("1", "--into", str(tmp_path / "rows"), "--prompts")
    assert code == 0
    for told in (origins[0].rows, origins[0].study, origins[0].prompts[0].answer):
        assert told in out
    assert (tmp_path / "rows" / "initial.parquet").exists()
    code, _, err = command("1", "--into", str(tmp_path / "rows"))
    assert code == 2
    assert "empty folder" in err
    code, out, _ = command("2", "--json")
    assert json.loads(out)["batches"] == ["initial", "week_13", "week_14"]


def test_a_replay_that_differs_is_exit_code_1(command, monkeypatch):
    numbers = {"study": "s", "rows": 9, "data_version": "d", "code": "a", "recorded_code": "b"}
    for same, score in ((True, 1.0), (False, 2.0)):
        found = lineage.Replayed(
            same=same, score=score, recorded=1.0, same_study=same, params={}, **numbers
        )
        monkeypatch.setattr(lineage, "replay", lambda *_, found=found: found)
        code, out, _ = command("1", "--replay")
        assert code == (0 if same else 1)
        assert found.sentence in out
