"""R15: a damaged file of the state is named, with the way on, or the loop recovers; never silence.

Slow: the module retunes once, and each damage is met by several commands.
"""

import logging
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from driftune import lineage, loop
from driftune.errors import DriftuneError, LanguageModelError
from driftune.language_model import CachedLanguageModel, ScriptedLanguageModel
from driftune.project import Project
from driftune.tracking.record import RunRecord

pytestmark = pytest.mark.slow
SMALL = {"budget": {"max_trials": 2, "max_seconds": None}}


@pytest.fixture(scope="module")
def retuned(module_project):
    """A project with a champion and one decision."""
    settings = module_project.settings("tiny")
    settings = settings.model_copy(update={"tuning": settings.tuning_with(SMALL)})
    loop.retune(module_project, settings, trigger="first", tuning=SMALL)
    loop.watch_batch(module_project, settings, "week_13")
    module_project.ledger.engine.dispose()
    return module_project.root


@pytest.fixture
def root(retuned, tmp_path, monkeypatch):
    """A copy of it to damage."""
    folder = tmp_path / "project"
    shutil.copytree(retuned, folder, symlinks=True)
    database = folder / ".driftune" / "mlflow.db"
    with (
        closing(sqlite3.connect(database)) as connection,
        connection,
    ):  # MLflow wrote where its files are
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            connection.execute(
                f"update {table} set {column} = replace({column}, ?, ?)",
                (str(retuned), str(folder)),
            )
    for batch in sorted((folder / "conf/test/data/batches").iterdir())[2:]:
        batch.unlink()
    monkeypatch.setenv("DRIFTUNE_PROJECT", str(folder))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def command(root, capsys, monkeypatch, caplog):
    """Call the command line; returns exit code and all that was said, without a traceback."""
    from driftune.cli import main

    # handlers of an earlier test's Kedro hold its captured stream, which is closed by now
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["driftune", *words])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        text = said.out + said.err + caplog.text
        caplog.clear()
        assert "Traceback" not in text
        return stop.value.code or 0, " ".join(text.split())

    return call


def garbage(path):
    path.write_bytes(b"this is no such file " * 500)


def truncated(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.truncate(size // 3 // 4096 * 4096 + 100)


def without_log(path):
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


DATABASES = [("ledger.db", "DRIFTUNE_LEDGER_URL"), ("studies.db", "DRIFTUNE_STUDY_URL"),
             ("mlflow.db", "MLFLOW_TRACKING_URI")]  # fmt: skip
ASKS = {
    "ledger.db": [["watch", "tiny"], ["reconcile"], ["report", "tiny"], ["rollback", "tiny"]],
    "studies.db": [["tune", "tiny", "--max-trials", "1"]],
    "mlflow.db": [["lineage", "tiny"], ["watch", "tiny"], ["promote", "tiny"], ["report", "tiny"]],
}


@pytest.mark.parametrize("damage", [garbage, truncated])
@pytest.mark.parametrize(("name", "setting"), DATABASES)
def test_a_damaged_database_is_named_with_the_way_on(root, command, damage, name, setting):
    path = root / ".driftune" / name
    damage(path)
    without_log(path)
    before = path.read_bytes()
    heard = []
    for words in ASKS[name]:
        code, said = command(*words)
        if code == 0:  # this one did not need what is lost
            continue
        assert code == 1, said
        assert name in said, said
        assert "damaged" in said, said
        assert setting in said, said
        heard.append(words)
    assert heard
    assert path.read_bytes()[:4096] == before[:4096]  # left for whoever can mend it


def test_an_empty_ledger_is_said(root, command):
    path = root / ".driftune" / "ledger.db"
    path.write_bytes(b"")
    without_log(path)
    _, said = command("reconcile")
    assert "ledger.db" in said
    assert "empty" in said


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00", b'{"problem": "late"}'])
def test_a_damaged_record_in_the_spool_is_named_and_the_others_are_written(root, command, content):
    project = Project(root)
    spool = project.tracker.spool
    spool.put(RunRecord("late", "whole", "experience", 1, {"driftune.family": "lightgbm"}))
    broken = spool.folder / "broken.json"
    broken.write_bytes(content)
    code, said = command("reconcile")
    assert code == 0
    assert "whole" in said
    assert str(broken) in said
    assert broken.read_bytes() == content
    assert [entry.record.retune_id for entry in spool.entries()] == []


@pytest.mark.parametrize("content", ["", "[core\n", "\x00\x01", "outs: [", "outs: []\n", "- 1\n"])
def test_a_damaged_pointer_of_dvc(root, command, content):
    pointer = root / "data" / "03_primary" / "tiny.dvc"
    assert command("lineage", "tiny", "--restore")[0] == 0
    version = lineage.read_version(root, "tiny")
    pointer.write_text(content)
    with pytest.raises(DriftuneError, match=r"tiny\.dvc is damaged.*--restore"):
        lineage.read_version(root, "tiny")
    assert command("lineage", "tiny", "--restore")[0] == 0
    assert lineage.read_version(root, "tiny") == version


@pytest.mark.parametrize("content", ["[core\n", "\x00\x01", "[core]\nremote = far\n"])
def test_a_damaged_configuration_of_dvc(root, command, content):
    (root / ".dvc" / "config").write_text(content)
    code, said = command("lineage", "tiny", "--restore")
    if code:
        assert code == 1
        assert str(root / ".dvc" / "config") in said
    else:
        assert "far" in content  # a remote without an address matters only when it is asked


def test_rows_that_the_cache_lost_are_named(root, command):
    shutil.rmtree(root / ".dvc" / "cache")
    shutil.rmtree(root / ".driftune" / "dvc-remote", ignore_errors=True)
    code, said = command("lineage", "tiny", "--restore")
    assert code == 1
    assert ".dir" in said
    assert "cache" in said


def test_the_hashes_that_dvc_remembers_are_worked_out_again(root):
    file = root / "conf" / "test" / "data" / "planes.parquet"
    version = lineage.snapshot(root, "p", [file])
    remembered = list((root / ".driftune" / "dvc").rglob("cache.db"))
    assert remembered
    for database in remembered:
        database.write_bytes(b"this is no database " * 100)
        without_log(database)
    assert lineage.snapshot(root, "p", [file]) == version
    folder = lineage.restore(root, "p", version, into=root / "back")
    assert (folder / "planes.parquet").read_bytes() == file.read_bytes()


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/05_model_input/tiny/promotion_rows.parquet", ["promote", "tiny", "--version", "1"]),
        ("data/06_models/tiny/tuning_result.json", ["report", "tiny"]),
    ],
)
@pytest.mark.parametrize("damage", [garbage, half])
def test_a_damaged_result_of_a_step_is_named_or_done_without(root, command, name, words, damage):
    damage(root / name)
    code, said = command(*words)
    if code:
        assert Path(name).name in said, said
    else:
        assert words[0] == "report"


def test_a_damaged_batch_of_the_accepted_rows_is_made_again_by_the_next_retune(root):
    project = Project(root)
    accepted = root / "data" / "02_intermediate" / "tiny" / "accepted" / "initial.parquet"
    rows = len(pd.read_parquet(accepted))
    half(accepted)
    settings = project.settings("tiny")
    project.run_pipelines("data_validation", problem=settings.name, batches=["initial"])
    assert len(pd.read_parquet(accepted)) == rows


def test_a_reply_that_was_cut_short_is_named(root):
    model, folder = ScriptedLanguageModel(["yes", "no"]), root / "replies"
    question = [{"role": "user", "content": "well?"}]
    CachedLanguageModel(model, folder).complete(question, {})
    (kept,) = folder.rglob("*.json")
    half(kept)
    with pytest.raises(LanguageModelError, match=f"{kept.name}.*delete it"):
        CachedLanguageModel(model, folder).complete(question, {})
