"""The command line: help, exit codes, one sentence for a mistake, one document for a program."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from typer.testing import CliRunner

from driftune.cli.app import COMMANDS, app

NAMES = [command.__name__ for command in COMMANDS]
WITH_PROBLEM = ["tune", "retune", "watch", "promote", "rollback", "lineage", "report"]


def strict(text):
    """Parse exactly one JSON document, without the NaN that only Python reads."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def call(capsys, monkeypatch, *words):
    """Call as the shell does; returns exit code, stdout and stderr."""
    from driftune.cli import main

    monkeypatch.setattr(sys, "argv", ["driftune", *words])
    with pytest.raises(SystemExit) as stop:
        main()
        raise SystemExit(0)
    said = capsys.readouterr()
    return stop.value.code or 0, said.out, said.err


def shell(*words, cwd=None):
    command = [sys.executable, "-c", "from driftune.cli import main; main()", *words]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", [None, *NAMES])
def test_every_command_has_help(name):
    result = CliRunner().invoke(app, [*filter(None, [name]), "--help"])
    assert result.exit_code == 0
    assert (name or "retune") in result.output
    if name not in {None, "serve"}:
        assert "--json" in result.output


def test_help_is_quick_and_loads_nothing_heavy():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = shell("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1  # CPU seconds
    probe = "import sys; import driftune.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"kedro", "mlflow", "prefect", "lightgbm", "pandas", "great_expectations", "litellm"}
    assert not heavy & set(loaded)


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).output.startswith("driftune ")


@pytest.mark.parametrize(
    "words", [["tun", "tiny"], ["tune"], ["tune", "tiny", "--max-trial", "3"], ["--nonsense"]]
)
def test_a_mistyped_command_is_bad_usage(words, capsys, monkeypatch):
    code, out, err = call(capsys, monkeypatch, *words)
    assert (code, out) == (2, "")
    assert err
    code, out, err = call(capsys, monkeypatch, *words, "--json")
    assert code == 2
    assert strict(out)["error"]


@pytest.mark.parametrize("name", WITH_PROBLEM)
def test_a_wrong_problem_gets_the_nearest(name, project, capsys, monkeypatch):
    code, out, err = call(capsys, monkeypatch, name, "air_tme")
    assert (code, out) == (2, "")
    assert "'air_time'" in err
    code, out, err = call(capsys, monkeypatch, name, "air_tme", "--json")
    assert (code, err) == (2, "")
    assert "'air_time'" in strict(out)["error"]


@pytest.mark.parametrize("name", [*WITH_PROBLEM, "reconcile"])
def test_outside_a_project_it_says_so(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [name] if name == "reconcile" else [name, "air_time"]
    code, _, err = call(capsys, monkeypatch, *words)
    assert code == 2
    assert "DRIFTUNE_PROJECT" in err


@pytest.mark.parametrize("name", ["watch", "promote", "rollback", "lineage"])
def test_before_there_is_a_model_it_says_what_is_missing(name, project, capsys, monkeypatch):
    code, _, err = call(capsys, monkeypatch, name, "tiny")
    assert code == 1
    assert "'tiny'" in err
    code, out, _ = call(capsys, monkeypatch, name, "tiny", "--json")
    assert code == 1
    assert strict(out)["kind"] == "DriftuneError"


def test_reconcile_of_an_untouched_project_finds_nothing(project, capsys, monkeypatch):
    code, out, _ = call(capsys, monkeypatch, "reconcile", "--json")
    assert (code, strict(out)) == (0, [])


@pytest.mark.parametrize("duration", ["soon", "-5m", "0s"])
def test_serve_refuses_what_is_no_duration(project, duration, capsys, monkeypatch):
    code, _, err = call(capsys, monkeypatch, "serve", "--watch-every", duration)
    assert code == 2
    assert duration in err


@pytest.mark.parametrize("cron", ["foo", "* * *", "99 3 * * 1"])
def test_serve_refuses_what_is_no_schedule(project, cron, capsys, monkeypatch):
    code, _, err = call(capsys, monkeypatch, "serve", "--cron", cron)
    assert code == 2
    assert cron in err


def test_watch_names_a_folder_that_is_not_there(project, capsys, monkeypatch):
    shutil.rmtree(project.settings("tiny").batches)
    code, _, err = call(capsys, monkeypatch, "watch", "tiny")
    assert code == 2
    assert str(project.settings("tiny").batches) in err
    assert "`batches`" in err


def test_watch_without_a_model_and_without_batches_says_so(project, capsys, monkeypatch):
    for file in project.settings("tiny").batches.iterdir():
        file.unlink()
    code, _, err = call(capsys, monkeypatch, "watch", "tiny")
    assert code == 1
    assert "no champion" in err


def test_an_empty_report_is_refused(project, capsys, monkeypatch):
    code, out, err = call(capsys, monkeypatch, "report", "tiny")
    assert (code, out) == (1, "")
    assert "nothing to report yet" in err


def test_only_tune_takes_a_file_outside_the_project(project, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.yml").write_text("target: y\nmetric: rmse\nrows: mine.csv\n")
    code, _, err = call(capsys, monkeypatch, "watch", str(tmp_path / "mine.yml"))
    assert code == 2
    assert "conf/problems" in err
    code, _, err = call(capsys, monkeypatch, "watch", "conf/test/problems/tiny.yml")
    assert code == 1  # known, and without a champion
    assert "'tiny'" in err


def retuned(project, status, *, row_through="week_13", **details):
    ledger = project.ledger
    ledger.request_retune("r1", "tiny", trigger="manual", reason="x", through=row_through)
    return ledger.set_retune("r1", status, **details)


def test_a_refused_retune_is_exit_code_1(project, capsys, monkeypatch):
    from driftune import loop

    def refuse(*_, **__):
        return retuned(project, "refused", version=3, verdict={"reason": "not better [at all]"})

    monkeypatch.setattr(loop, "retune", refuse)
    code, out, _ = call(capsys, monkeypatch, "retune", "tiny")
    assert code == 1
    assert "refused" in out
    assert "version 3" in out
    assert "not better [at all]" in out


def test_a_retune_takes_the_options_of_a_plan(project, capsys, monkeypatch):
    from driftune import loop

    row = retuned(project, "promoted", version=3, verdict={"reason": "better"})
    asked = []
    monkeypatch.setattr(loop, "retune", lambda *_, **how: asked.append(how["tuning"]) or row)
    words = ["--max-rows", "500", "--rungs", "9,3,1", "--min-gain", "0.01"]
    assert call(capsys, monkeypatch, "retune", "tiny", *words)[0] == 0
    assert asked == [{"budget": {"max_rows": 500, "min_gain": 0.01}, "rungs": [9, 3, 1]}]
    project.settings("tiny").tuning_with(asked[0])


def test_the_same_retune_again_says_that_nothing_is_new(project, capsys, monkeypatch):
    from driftune import loop

    row = retuned(project, "promoted", version=3, verdict={"reason": "better"})
    monkeypatch.setattr(loop, "retune", lambda *_, **__: row)
    code, out, _ = call(capsys, monkeypatch, "retune", "tiny")
    assert code == 0
    assert "Nothing new since week_13: version 3, promoted earlier" in out
    code, out, _ = call(capsys, monkeypatch, "retune", "tiny", "--json")
    assert strict(out)["nothing_new"] is True


@pytest.mark.parametrize("status", ["running", "merged_into"])
def test_a_retune_that_another_process_does_names_it(project, status, capsys, monkeypatch):
    from driftune import loop

    row = retuned(project, status, merged_into="r2")
    monkeypatch.setattr(loop, "retune", lambda *_, **__: row)
    with project.ledger.lease("tiny", owner="elsewhere:77"):
        _, until = project.ledger.lease_holder("tiny")
        code, out, _ = call(capsys, monkeypatch, "retune", "tiny")
        assert code == 1
        assert "elsewhere:77" in out
        assert f"{until:%H:%M}" in out
        code, out, _ = call(capsys, monkeypatch, "retune", "tiny", "--json")
        assert (code, strict(out)["held_by"]) == (1, "elsewhere:77")
    assert project.ledger.lease_holder("tiny") is None


def test_doctor_prints_square_brackets(tmp_path, capsys, monkeypatch):
    from driftune import doctor

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "CHECKS", (doctor.check_project, doctor.check_dvc))
    code, out, _ = call(capsys, monkeypatch, "doctor")
    assert code == 1
    assert "[tool.driftune]" in out
    assert "dvc init" not in out


def test_a_closed_pipe_ends_quietly():
    read, write = os.pipe()
    os.close(read)
    for words in (["--version"], ["tun", "--json"]):
        command = [sys.executable, "-c", "from driftune.cli import main; main()", *words]
        done = subprocess.run(
            command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
        assert done.returncode == 1
        assert done.stderr == ""
    os.close(write)


@pytest.mark.slow  # a retune in this process
def test_a_model_goes_into_service_and_is_asked_about(module_project, capsys, monkeypatch):
    def answer(*words, code=0):
        found, out, err = call(capsys, monkeypatch, *words, "--json")
        assert found == code, out + err
        return strict(out)

    retuned = answer("retune", "tiny", "--max-trials", "1")
    assert (retuned["status"], retuned["version"]) == ("promoted", 1)
    assert answer("retune", "tiny", "--max-trials", "1")["id"] == retuned["id"]
    told = answer("lineage", "tiny")
    assert told["version"] == 1
    restored = answer("lineage", "tiny", "--restore")["restored"]
    names = [path.name for path in module_project.root.joinpath(restored).iterdir()]
    assert sorted(names) == ["initial.parquet", "lookups"]
    assert "1" in answer("lineage", "tiny", "9", code=2)["error"]
    assert answer("promote", "tiny", "--version", "1")["version"] == 1
    assert "9" in answer("promote", "tiny", "--version", "9", code=2)["error"]
    assert answer("rollback", "tiny", code=1)["error"]
    batches = module_project.settings("tiny").batches
    for file in sorted(batches.iterdir())[2:]:
        file.unlink()
    seen = answer("watch", "tiny")
    assert [row["batch"] for row in seen] == ["week_13", "week_14"]
    assert answer("watch", "tiny") == []
    report = answer("report", "tiny")["report"]
    assert module_project.root.joinpath(report).stat().st_size > 1000


@pytest.mark.slow  # waits for a search to start in another process, then stops it
def test_ctrl_c_says_how_to_go_on(tmp_path):
    own_table(tmp_path)
    words = ["tune", "mine.yml", "--max-trials", "100000", "--max-seconds", "200"]
    # A shell's background job, which a CI run can be, is started with SIGINT ignored.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    script = f"{listen}; from driftune.cli import main; main()"
    command = [sys.executable, "-c", script, *words]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not completed(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    try:
        _, err = running.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        # Python drops an interrupt that comes while a destructor runs; people press again
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "driftune tune mine.yml" in err
    assert "Error" not in err
    assert "Traceback" not in err


def completed(folder):
    """Count the finished trials of the study beside the user's file."""
    path = folder / ".driftune/studies.db"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path)) as database:
            return database.execute(
                "select count(*) from trials where state = 'COMPLETE'"
            ).fetchone()[0]
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def own_table(folder):
    lines = ["a,b,y", *(f"{i % 7},{'xy'[i % 2]},{i % 7 + i % 2}" for i in range(200))]
    (folder / "mine.csv").write_text("\n".join(lines))
    (folder / "mine.yml").write_text("target: y\nmetric: rmse\nrows: mine.csv\n")
