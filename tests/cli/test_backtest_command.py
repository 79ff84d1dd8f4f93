"""``driftune backtest`` on 300 flights a week: what it shows, keeps and refuses."""

import json

import pytest
from typer.testing import CliRunner

from driftune.cli.app import app
from driftune.errors import UsageError
from driftune.policy_file import read_policy

RANGE = "week_16..week_19"
FAST = ("--shuffles", "0", "--history", RANGE)


def run(*words):
    return CliRunner().invoke(app, ["backtest", *words])


@pytest.fixture(scope="module")
def shown(module_project):
    """A first run, with a policy that always fires and one that never does."""
    eager = module_project.root / "eager.yml"
    eager.write_text("{cost: null, strategy: all_history, cooldown: 0, every: 1}")
    deaf = module_project.root / "deaf.yml"
    deaf.write_text("policy: {cost: null, min_drop: 50, recall: false}\n")
    words = ("tiny", "--policy", str(eager), "--policy", str(deaf), "--history", RANGE, "--json")
    result = run(*words)
    assert result.exit_code == 0, result.output
    return module_project, json.loads(result.stdout), words


@pytest.mark.slow  # fits a hundred small models
def test_every_policy_stands_beside_never_always_and_oracle(shown):
    _, found, _ = shown
    assert [one["replayed"]["name"] for one in found["schedules"]] == ["never", "always", "oracle"]
    names = [one["replayed"]["name"] for one in found["policies"]]
    assert names == ["configured", "eager", "deaf"]
    by_name = {one["replayed"]["name"]: one for one in found["schedules"] + found["policies"]}
    assert by_name["never"]["share"] == 0 and by_name["always"]["share"] == 1
    assert by_name["oracle"]["replayed"]["mean"] <= by_name["always"]["replayed"]["mean"]
    assert by_name["deaf"]["replayed"]["retunes"] == 0
    assert by_name["deaf"]["replayed"]["mean"] == by_name["never"]["replayed"]["mean"]
    assert by_name["eager"]["replayed"]["retunes"] == len(found["batches"])


@pytest.mark.slow
def test_false_alarms_are_counted_on_a_history_without_drift(shown):
    _, found, _ = shown
    alarms = {one["replayed"]["name"]: one["false_alarms"] for one in found["policies"]}
    batches = found["policies"][0]["shuffled_batches"]
    assert batches == len(found["batches"])
    assert alarms["deaf"] == 0 and alarms["configured"] <= 1  # a schedule is no alarm


@pytest.mark.slow
def test_a_second_run_fits_nothing_and_says_the_same(shown, monkeypatch):
    _, found, words = shown

    def refit(*_, **__):
        raise AssertionError("a model was fitted again")

    monkeypatch.setattr("driftune.loop.retraining.refit", refit)
    again = json.loads(run(*words).stdout)
    assert again == found


@pytest.mark.slow
def test_the_picture_and_the_table_are_there_and_nothing_is_promoted(shown):
    project, _, _ = shown
    picture = project.root / "data" / "08_reporting" / "backtest_tiny.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    svg = project.root / "p.svg"
    text = run("tiny", *FAST, "--plot", str(svg)).stdout
    assert "oracle" in text and "configured" in text and str(svg) in text
    assert "promoted" in svg.read_text()
    assert project.ledger.observations("tiny") == [] and project.ledger.retunes("tiny") == []
    assert project.registry("tiny").versions() == []


@pytest.mark.slow
def test_a_range_of_batches_begins_with_all_that_was_there_before(shown):
    _, found, _ = shown
    assert found["batches"] == ["week_16", "week_17", "week_18", "week_19"]
    assert found["schedules"][0]["replayed"]["steps"][0]["knows"] == "initial"
    for history, said in (
        ("week_18..week_61", "there is no batch 'week_61'"),
        ("week_18..week_16", "must go forward"),
        ("initial..week_16", "'week_13' at the earliest"),
    ):
        wrong = run("tiny", "--history", history)
        assert isinstance(wrong.exception, UsageError)
        assert said in str(wrong.exception)


@pytest.mark.slow
def test_a_folder_of_tables_is_a_history_too(shown, tmp_path):
    project, _, _ = shown
    features = project.root / "data" / "04_feature" / "tiny"
    for name in ("initial", "week_13", "week_14"):
        (tmp_path / f"{name}.parquet").symlink_to(features / f"{name}.parquet")
    result = run("tiny", "--history", str(tmp_path), "--shuffles", "0", "--json")
    assert json.loads(result.stdout)["batches"] == ["week_13", "week_14"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min_dropp: 0.3", "unknown key 'policy.min_dropp'. Did you mean 'min_drop'?"),
        ("k: many", "policy.k = 'many' is wrong"),
        ("k: 5", "policy.k is 5; it must be at most policy.m = 3"),
        ("{", "not valid YAML"),
        ("policy: {actoin: alert}", "unknown key 'policy.actoin'. Did you mean 'action'?"),
    ],
)
def test_a_wrong_policy_file_is_one_sentence(tmp_path, text, said):
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"p\.yaml|policy\.k") as error:
        read_policy(file)
    assert said in str(error.value)


def test_wrong_options_are_refused_before_anything_is_fitted(project, tmp_path):
    for words, said in (
        (("tiny", "--policy", "none.yml"), "there is no such file"),
        (("tiny", "--plot", "picture.gif"), "a picture ends in"),
        (("tiny", "--plot", str(tmp_path / "none" / "p.png")), "there is no folder"),
        (("tiny", "--history", "nowhere"), "is no folder"),
        (("air_tme",), "Did you mean 'air_time'?"),
    ):
        result = run(*words)
        assert isinstance(result.exception, UsageError), (words, result.output)
        assert said in str(result.exception)
