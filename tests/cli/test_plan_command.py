"""``driftune plan`` as a user meets it: a table of one's own, a project's problem, mistakes."""

import json
import shlex
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_friedman1

BUDGET, PILOTS = 32.0, 14.0  # seconds; with idle cores the pilots of this table take four


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder outside any project with a table of 4,000 rows and ``mine.yml``."""
    home = tmp_path_factory.mktemp("own")
    X, y = make_friedman1(n_samples=4_000, n_features=6, noise=1.0, random_state=1)
    pd.DataFrame(X, columns=list("abcdef")).assign(y=y).to_csv(home / "t.csv", index=False)
    (home / "mine.yml").write_text("target: y\nmetric: rmse\nrows: t.csv\ntuning: {folds: 3}\n")
    return home


def run(monkeypatch, capsys, folder, *words):
    """Call ``driftune`` in the folder; returns exit code, stdout and stderr."""
    from driftune.cli import main

    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["driftune", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr()
    return stop.value.code or 0, said.out, said.err


@pytest.fixture(scope="module")
def planned(folder):
    """A plan as JSON, and the seconds that the command took."""
    from typer.testing import CliRunner

    from driftune.cli.app import app

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        began = time.monotonic()
        words = ["plan", "mine.yml", "--budget", f"{BUDGET}", "--pilots", f"{PILOTS}", "--json"]
        result = CliRunner().invoke(app, words)
        seconds = time.monotonic() - began
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), seconds


@pytest.mark.slow  # real pilots
def test_it_keeps_to_its_own_budget_and_shares_it_out(planned):
    plan, seconds = planned
    assert seconds < BUDGET
    spent = plan["spent_seconds"] + plan["search_seconds"] + plan["reserve_seconds"]
    assert spent == pytest.approx(BUDGET)
    assert plan["table_rows"] == plan["rows"] == 4000
    assert plan["confidence"] in {"high", "medium", "low"}
    assert plan["expected_score"]["low"] < plan["expected_score"]["value"]
    assert len(plan["reasons"]) >= 3


@pytest.mark.slow  # real pilots, and the study that they recommend
def test_what_it_recommends_can_be_run_and_ends_inside_its_interval(
    planned, monkeypatch, capsys, folder
):
    plan, _ = planned
    words = shlex.split(plan["command"])
    assert words[:3] == ["driftune", "tune", "mine.yml"]
    code, out, _ = run(monkeypatch, capsys, folder, *words[1:], "--json")
    assert code == 0
    reached = json.loads(out)["best_value"]
    assert plan["expected_score"]["low"] <= reached <= plan["expected_score"]["high"]


@pytest.mark.slow  # real pilots
def test_three_pictures_and_the_numbers_are_kept(planned, folder):
    plan, _ = planned
    home = folder / ".driftune" / "plan" / "mine"
    assert len(plan["pictures"]) == 3
    for name in ("learning_curve", "cost", "ways"):
        picture = (home / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5_000
        assert (home / f"{name}.svg").read_text().startswith("<svg")
    assert json.loads((home / "plan.json").read_text())["rows"] == 4000
    assert not [file for file in home.iterdir() if file.name.endswith(".tmp")]


@pytest.mark.slow  # real pilots
def test_people_read_a_table_and_reasons(monkeypatch, capsys, folder):
    code, out, _ = run(monkeypatch, capsys, folder, "plan", "mine.yml", "--budget", "15s")
    assert code == 0
    for word in ("rows", "trials", "expected rmse", "confidence", "more time", "Do it:"):
        assert word in out


@pytest.mark.slow  # real pilots
def test_money_decides_about_rows(monkeypatch, capsys, folder):
    def more_rows(price):
        words = (
            "plan", "mine.yml", "--budget", "60s", "--pilots", "14s", "--rows", "8000",
            "--row-cost", price,
            "--value-per-unit-loss", "1000", "--json",
        )  # fmt: skip
        return json.loads(run(monkeypatch, capsys, folder, *words)[1])["more_rows"]

    dear = more_rows("1000")
    assert dear["rows"] == 4000
    assert dear["price"] == pytest.approx(4_000_000)
    assert not dear["worth"]
    assert "price" in dear["reason"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--budget", "tomorrow"), "--budget is 'tomorrow'"),
        (("--budget", "1s"), "--budget is 1 s; a plan takes at least 5 s"),
        (("--budget", "10s", "--pilots", "20s"), "--pilots 20 s leaves nothing"),
        (("--budget", "10s", "--rows", "0"), "--rows"),
        (("--budget", "10s", "--row-cost", "1"), "--value-per-unit-loss"),
        (("--budget", "10s", "--min-gain", "2"), "--min-gain is 2"),
        ((), "--budget"),
    ],
)
def test_a_mistake_is_one_sentence_and_bad_usage(monkeypatch, capsys, folder, words, named):
    code, out, err = run(monkeypatch, capsys, folder, "plan", "mine.yml", *words)
    assert code == 2
    assert named in out + err


def test_a_wrong_problem_is_one_sentence(monkeypatch, capsys, folder):
    code, _, err = run(monkeypatch, capsys, folder, "plan", "mime.yml", "--budget", "10s")
    assert code == 2
    assert "mime.yml" in err


@pytest.mark.slow  # real pilots
@pytest.mark.parametrize("family", ["linear", "[lightgbm, linear]"])
def test_a_family_without_rounds_or_leaves_is_planned_for_too(monkeypatch, capsys, folder, family):
    text = (folder / "mine.yml").read_text()
    (folder / "other.yml").write_text(text.replace("{folds: 3}", f"{{family: {family}}}"))
    code, out, err = run(monkeypatch, capsys, folder, "plan", "other.yml", "--budget", "15s")
    assert code == 0, err
    assert "leaves" not in out
    assert (folder / ".driftune" / "plan" / "other" / "cost.png").is_file()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_fitted(
    monkeypatch, capsys, folder
):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("driftune.loop.planning.TemporaryFile", refuse)
    code, _, err = run(monkeypatch, capsys, folder, "plan", "mine.yml", "--budget", "10s")
    assert code == 2
    assert "Permission denied" in err and ".driftune" in err


def test_ctrl_c_leaves_an_earlier_plan_as_it_was(monkeypatch, capsys, folder):
    home = folder / ".driftune" / "plan" / "mine"
    before = {file.name: file.read_bytes() for file in home.glob("*")}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("driftune.loop.planning.run_pilots", interrupted)
    monkeypatch.setattr("driftune.cli._leave", sys.exit)  # ends the process, and the tests with it
    code, _, err = run(monkeypatch, capsys, folder, "plan", "mine.yml", "--budget", "10s")
    assert code == 130
    assert "driftune plan mine.yml" in err
    assert "is kept" not in err  # nothing is
    assert {file.name: file.read_bytes() for file in home.glob("*")} == before


@pytest.mark.slow  # Kedro makes the features, then real pilots
def test_a_problem_of_the_project_shows_its_plan_in_the_report(project):
    from driftune import loop
    from driftune.loop.planning import make_plan, read_terms
    from driftune.reporting import write_report
    from driftune.reporting.plan import write_plan

    settings = project.settings("tiny")
    loop.retune(project, settings, tuning={"budget": {"max_trials": 2}}, reason="test")
    plan = make_plan("tiny", read_terms("15s"))
    write_plan(plan)
    page = write_report(project, settings).read_text()
    assert plan.home == project.reports / "tiny" / "plan"
    assert "The latest plan" in page
    assert page.count('id="plan-') > 3
    assert plan.advice.reasons[0].split(":")[0] in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def write_rare_kinds(folder):
    """A table where a sample misses what matters: eight rare kinds of rows with other targets."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(9), [1_008, *[24] * 8])
    frame = pd.DataFrame({"a": rng.normal(size=1_200)})
    frame = frame.assign(**{f"is_{k}": (kind == k).astype(float) for k in range(1, 9)})
    frame = frame.assign(y=np.where(kind > 0, 20.0 * (-1) ** kind * kind, 0.0))
    frame.to_csv(folder / "rare.csv", index=False)
    (folder / "rare.yml").write_text(
        "target: y\nmetric: rmse\nrows: rare.csv\ntuning: {folds: 2, language_model: null}\n"
    )


AMPLE = ("--budget", "600s", "--pilots", "120s")  # the pilots of 1,200 rows end long before


@pytest.mark.slow  # real pilots, and a study of two trials
def test_rows_that_cover_the_table_are_tried_and_what_wins_can_be_run(
    monkeypatch, capsys, tmp_path
):
    write_rare_kinds(tmp_path)
    words = ("plan", "rare.yml", *AMPLE, "--rows", "150", "--selection", "k_center", "--json")
    code, out, _ = run(monkeypatch, capsys, tmp_path, *words)
    plan = json.loads(out)
    assert code == 0
    assert plan["selection"]["worth"]
    assert plan["selection"]["seeds"] == 5
    assert plan["selection"]["gain"] >= plan["selection"]["error"]
    assert plan["selection"]["reason"] in plan["reasons"]
    assert plan["tuning"]["budget"]["row_selection"] == "k_center"
    left = plan["search_seconds"] + plan["reserve_seconds"]
    assert plan["spent_seconds"] + left == pytest.approx(600)
    command = shlex.split(plan["command"])
    at = command.index("--row-selection")
    assert command[at : at + 2] == ["--row-selection", "k_center"]
    words = [*command[1:], "--max-trials", "2", "--json"]
    code, out, _ = run(monkeypatch, capsys, tmp_path, *words)
    assert code == 0
    assert json.loads(out)["row_selection"] == "k_center"
    assert json.loads(out)["rows"] == 150


@pytest.mark.slow  # real pilots
def test_without_being_asked_no_selection_is_tried(planned):
    plan, _ = planned
    assert plan["selection"] is None
    assert "--row-selection" not in plan["command"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--selection", "k_center"), "say with --rows how many"),
        (
            ("--selection", "k_center", "--rows", "4000"),
            "--rows 4,000 are all of the table's 4,000",
        ),
        (("--selection", "k_centre", "--rows", "100"), "--selection is 'k_centre'"),
        (("--selection", "k_center", "--rows", "9", "--pilots", "5s"), "leave nothing of --budget"),
    ],
)
def test_a_selection_that_selects_nothing_is_bad_usage(monkeypatch, capsys, folder, words, named):
    code, out, err = run(monkeypatch, capsys, folder, "plan", "mine.yml", "--budget", "10s", *words)
    assert code == 2
    assert named in " ".join((out + err).split())
    assert "Traceback" not in out + err


@pytest.mark.parametrize("command", ["tune", "retune"])
def test_tune_and_retune_know_the_option(monkeypatch, capsys, folder, command):
    code, out, _ = run(monkeypatch, capsys, folder, command, "--help")
    assert code == 0
    assert "--row-selection" in out


def test_tune_needs_a_limit_to_select_rows(monkeypatch, capsys, folder):
    words = ("tune", "mine.yml", "--row-selection", "k_center")
    code, out, err = run(monkeypatch, capsys, folder, *words)
    assert code == 2
    assert "budget.row_selection is 'k_center', but all rows are used" in out + err
