"""``driftune bench sllmbo`` as a user calls it."""

import json
import sys

import pytest

WORDS = ("bench", "sllmbo")


@pytest.fixture
def call(capsys, monkeypatch, csv):
    """Call as the shell does, in the table's folder; returns exit code, stdout and stderr."""
    from driftune.cli import main

    monkeypatch.chdir(csv.parent)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["driftune", *WORDS, *words])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return call


RUN = (
    "houses.csv", "--target", "price", "--model", "lightgbm", "--trials", "3", "--seeds", "2",
    "--arms", "random,tpe,sllmbo,driftune", "--out", "r",
)  # fmt: skip


def test_one_table_end_to_end(call, small_space, csv):
    code, said, _ = call(*RUN)
    assert code == 0
    assert all(arm in said for arm in ("random", "tpe", "sllmbo", "driftune"))
    assert "scripted:tuner" in said
    assert "8 of 8: houses lightgbm driftune seed 1" in said
    document = json.loads((csv.parent / "r/sllmbo.json").read_text())
    assert len(document["runs"]) == 8
    assert document["command"].startswith("driftune bench sllmbo houses.csv")
    assert document["language_model_is_a_stand_in"]
    assert {"optuna", "lightgbm", "driftune"} <= set(document["versions"])
    assert (csv.parent / "r/sllmbo.png").read_bytes().startswith(b"\x89PNG")


def test_the_second_time_nothing_is_run_again(call, small_space, csv):
    call(*RUN)
    before = {path: path.stat().st_mtime_ns for path in (csv.parent / "r/runs").iterdir()}
    code, said, _ = call(*RUN, "--json")
    assert code == 0
    arms = {arm["arm"]: arm for arm in json.loads(said)["arms"]}
    assert arms["tpe"]["cv_gain"] is None
    assert arms["sllmbo"]["calls"] > 0
    assert {p: p.stat().st_mtime_ns for p in (csv.parent / "r/runs").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["houses.csv"], "--target"),
        (["houses.csv", "--target", "prise"], "'price'"),
        (["house.csv", "--target", "price"], "houses.csv"),
        (["houses.csv", "--target", "grade", "--task", "regression"], "classification"),
        (["houses.csv", "--target", "price", "--task", "regresion"], "'regression'"),
        (["houses.csv", "--target", "price", "--model", "lightgmb"], "'lightgbm'"),
        (["houses.csv", "--target", "price", "--arms", "tpee"], "'tpe'"),
        (["wine", "--language-model", "scripted:tunr"], "'scripted:tuner'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(call, words, said, csv):
    model = [] if "--model" in words else ["--model", "lightgbm"]
    code, _, complaint = call(*words, *model, "--out", "r")
    assert code == 2
    assert said in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not (csv.parent / "r").exists()


def test_a_missing_model_says_what_to_install(call, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    hidden = lambda name, *rest: None if name == "xgboost" else real(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    code, _, complaint = call("houses.csv", "--target", "price")
    assert code == 1
    assert "driftune[xgboost]" in complaint
