"""A user's own table: one YAML file beside it, one command, and one sentence for a mistake."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

YAML = "target: price\nmetric: rmse\nrows: houses.csv\n"


def table(n=300):
    rng = np.random.default_rng(0)
    rooms, town = rng.integers(1, 8, n), rng.choice(["Ulm", "Bonn", "Köln"], n)
    price = 100 * rooms + 50 * (town == "Ulm") + rng.normal(0, 10, n)
    return pd.DataFrame({"rooms": rooms, "town": town, "price": price.round(2)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder outside any project with ``houses.csv`` and ``mine.yml``."""
    table().to_csv(tmp_path / "houses.csv", index=False)
    (tmp_path / "mine.yml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tune(capsys, monkeypatch):
    """Call ``driftune tune mine.yml``; returns exit code, stdout and stderr."""
    from driftune.cli import main

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["driftune", "tune", "mine.yml", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return run


@pytest.mark.slow  # a fresh process imports LightGBM, scikit-learn and Optuna
def test_one_yaml_and_one_command_from_a_shell(folder):
    spoil(folder, price=[None, *table()["price"][1:]])
    program = "from driftune.cli import main; main()"
    command = [sys.executable, "-c", program, "tune", "mine.yml", "--max-trials", "3"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr
    assert "rmse" in done.stdout
    assert "1 row without a target left out" in done.stderr
    assert (folder / ".driftune").is_dir()


def test_a_second_call_goes_on_and_a_third_does_nothing(folder, tune):
    results = [json.loads(tune("--max-trials", trials, "--json")[1]) for trials in ("2", "4", "4")]
    assert [len(result["trials"]) for result in results] == [2, 4, 4]
    assert results[0]["trials"] == results[1]["trials"][:2]
    assert results[1]["trials"] == results[2]["trials"]
    assert results[1]["best_value"] < 60  # predicting the mean scores about 200


def test_the_result_can_be_kept(folder, tune):
    assert tune("--max-trials", "1", "--save", "best.json")[0] == 0
    assert "best_params" in json.loads((folder / "best.json").read_text())


def test_a_plan_can_be_written_as_options(folder, tune):
    words = ("--max-rows", "150", "--rungs", "3,1", "--min-gain", "0.9", "--max-trials", "60")
    code, out, _ = tune(*words, "--json")
    result = json.loads(out)
    assert code == 0
    assert result["rows"] == result["max_rows"] == 150
    assert result["stop_reason"] == "no_gain_expected"
    assert len(result["trials"]) < 60
    assert "no_gain_expected" in tune(*words)[1]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--rungs", "9,3"), "tuning.rungs"),
        (("--rungs", "nine"), "tuning.rungs"),
        (("--min-gain", "2"), "budget.min_gain"),
        (("--max-rows", "0"), "budget.max_rows"),
    ],
)
def test_an_option_that_cannot_be_meant_names_its_setting(folder, tune, words, named):
    code, _, err = tune(*words)
    assert code == 2
    assert named in err


def test_one_trial_is_one_trial(folder, tune):
    assert "1 trial, stopped" in tune("--max-trials", "1")[1]


@pytest.mark.parametrize("place", ["gone/best.json", "."])
def test_where_nothing_can_be_kept_nothing_is_searched(folder, tune, place):
    code, _, err = tune("--max-trials", "1", "--save", place)
    assert code == 2
    assert place in err
    assert not (folder / ".driftune").exists()


def test_parquet_and_text_labels(folder, tune):
    frame = table()
    frame["dear"] = np.where(frame.pop("price") > 400, "yes", "no")
    frame.to_parquet(folder / "houses.parquet")
    (folder / "mine.yml").write_text("target: dear\nmetric: roc_auc\nrows: houses.parquet\n")
    code, out, _ = tune("--max-trials", "2", "--json")
    assert code == 0
    assert json.loads(out)["best_value"] > 0.9


def test_the_table_may_lie_elsewhere_and_the_command_too(folder, tune, monkeypatch, capsys):
    from driftune.cli import main

    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    words = ["driftune", "tune", str(folder / "mine.yml"), "--max-trials", "1"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    capsys.readouterr()


@pytest.mark.parametrize("word", ["mine", "houses.csv"])
def test_outside_a_project_a_name_gets_the_file_that_was_meant(folder, capsys, monkeypatch, word):
    from driftune.cli import main

    monkeypatch.setattr(sys, "argv", ["driftune", "tune", word])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "mine.yml" in capsys.readouterr().err


def spoil(folder, **columns):
    table().assign(**columns).to_csv(folder / "houses.csv", index=False)


def write(folder, text):
    (folder / "mine.yml").write_text(text)


MISTAKES = {
    "wrong target": (lambda f: write(f, YAML.replace("price", "prise")), "'price'"),
    "no such file": (lambda f: write(f, YAML.replace("houses", "house")), "'houses.csv'"),
    "no YAML": (lambda f: (f / "mine.yml").unlink(), "mine.yml"),
    "unknown key": (lambda f: write(f, YAML + "tuning: {fold: 3}"), "'folds'"),
    "text among numbers": (
        lambda f: spoil(f, rooms=["a lot", *map(str, table()["rooms"][1:])]),
        "'a lot'",
    ),
    "text in the target": (lambda f: spoil(f, price="dear"), "'price'"),
    "some text in the target": (
        lambda f: spoil(f, price=["dear", *map(str, table()["price"][1:])]),
        "'dear'",
    ),
    "empty column": (lambda f: spoil(f, garden=None), "'garden'"),
    "empty target": (lambda f: spoil(f, price=None), "'price'"),
    "no rows": (lambda f: (f / "houses.csv").write_text("rooms,town,price\n"), "houses.csv"),
    "empty file": (lambda f: (f / "houses.csv").write_text(""), "houses.csv"),
    "no table": (lambda f: (f / "houses.csv").write_bytes(b"\x89PNG\x00\xff" * 99), "houses.csv"),
    "other ending": (lambda f: write(f, YAML.replace(".csv", ".xlsx")), ".xlsx"),
    "wrong metric": (lambda f: write(f, YAML.replace("rmse", "rsme")), "'rmse'"),
    "metric of another task": (lambda f: write(f, YAML.replace("rmse", "roc_auc")), "roc_auc"),
    "wrong family": (lambda f: write(f, YAML + "tuning: {family: lightgmb}"), "'lightgbm'"),
    "wrong space": (lambda f: write(f, YAML + "tuning: {space: recomended}"), "'recommended'"),
    "wrong parameter": (
        lambda f: write(f, YAML + "tuning: {space: {learning_rat: {type: float, low: 0.1,"
                        " high: 1}}}"),
        "'learning_rate'",
    ),
    "wrong time": (lambda f: write(f, YAML + "time: sold"), "'sold'"),
    "wrong id": (lambda f: write(f, YAML + "ids: [room]"), "'rooms'"),
    "nothing left": (lambda f: write(f, YAML + "drop: [rooms, town]"), "drop"),
    "needs a project": (lambda f: write(f, YAML + "features: {calendar: [hour]}"), "features"),
    "too few rows": (lambda f: table(3).to_csv(f / "houses.csv", index=False), "3"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_sentence_and_exit_code_2(folder, tune, mistake):
    make, told = MISTAKES[mistake]
    make(folder)
    code, out, err = tune("--max-trials", "1")
    assert code == 2, err
    assert out == ""
    assert told in err
    assert len(err.strip().splitlines()) == 1, err
    code, out, err = tune("--max-trials", "1", "--json")
    assert (code, err) == (2, "")
    assert told in json.loads(out)["error"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max-trials", "0"], "max_trials"),
        (["--max-seconds", "soon"], "soon"),
        (["--language-model", "scripted:nobody"], "nobody"),
    ],
)
def test_a_wrong_option_gets_one_sentence_and_exit_code_2(folder, tune, words, told):
    code, _, err = tune(*words)
    assert code == 2
    assert told in err
    assert len(err.strip().splitlines()) == 1
