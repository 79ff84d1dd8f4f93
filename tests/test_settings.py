"""Problem files: what is accepted, and one clear sentence for what is not."""

import pytest

from driftune.errors import DataError, UsageError
from driftune.settings import find_problem, load_settings

PLAIN = """
target: price
metric: rmse
rows: rows.csv
"""
SHIPPED = sorted(p.stem for p in __import__("pathlib").Path("conf").glob("**/problems/*.yml"))


def write(folder, text, name="mine.yml"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder, text, **overrides):
    with pytest.raises(UsageError) as caught:
        load_settings(write(folder, text), root=folder, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_problem_loads(name, pytestconfig):
    root = pytestconfig.rootpath
    settings = load_settings(name, root=root)
    assert settings.name == name
    assert settings.rows.is_absolute()
    assert settings.problem.target == settings.target


def test_three_keys_are_enough(tmp_path):
    settings = load_settings(write(tmp_path, PLAIN), root=tmp_path)
    assert settings.name == "mine"
    assert settings.rows == tmp_path / "rows.csv"
    assert settings.batches is None


@pytest.mark.parametrize(
    ("extra", "key", "match"),
    [
        ("targett: x", "targett", "target"),
        ("tuning: {fold: 3}", "tuning.fold", "folds"),
        ("tuning: {budget: {max_trial: 3}}", "tuning.budget.max_trial", "max_trials"),
        ("policy: {cool_down: 3}", "policy.cool_down", "cooldown"),
        ("gate: {margn: 0.1}", "gate.margn", "margin"),
        ("validation: {expectation: []}", "validation.expectation", "expectations"),
        ("features: {joins: [{tabel: x.csv, by: [a], columns: [b]}]}", "tabel", "table"),
        (
            "features: {joins: [{table: x.csv, by: [a], columns: [b],"
            " as_of: {at: t, observed: o, dealy: 2h}}]}",
            "dealy",
            "delay",
        ),
    ],
)
def test_an_unknown_key_gets_its_place_and_the_nearest_known_one(tmp_path, extra, key, match):
    message = refusal(tmp_path, PLAIN + extra)
    assert "mine.yml" in message
    assert key in message
    assert repr(match) in message


@pytest.mark.parametrize(
    ("extra", "meant"),
    [
        ("folds: 3", "'tuning.folds'"),
        ("tuning: {max_trials: 3}", "'tuning.budget.max_trials'"),
        ("extend: base.yml", "'extends'"),
    ],
)
def test_a_key_of_another_section_gets_its_place(tmp_path, extra, meant):
    assert f"Did you mean {meant}?" in refusal(tmp_path, PLAIN + extra)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ("drop: z", "must be a list, e.g. [z]"),
        ("ids: {a: 1}", "must be a list"),
        ("tuning: {budget: 3}", "must be a section of keys"),
        ("tuning: 3", "must be a section of keys"),
        ("features: {years_since: [a]}", "must be a section of keys"),
    ],
)
def test_a_wrong_kind_of_value_is_said_in_words_of_yaml(tmp_path, extra, told):
    assert told in refusal(tmp_path, PLAIN + extra)


@pytest.mark.parametrize("extra", ["target: b", "tuning: {folds: 2, folds: 3}"])
def test_a_key_that_is_there_twice_is_refused(tmp_path, extra):
    message = refusal(tmp_path, PLAIN + extra)
    assert "twice" in message
    assert "line 5" in message


def test_yaml_may_merge_a_mapping_twice_over(tmp_path):
    text = PLAIN + "tuning: {<<: {folds: 4}, folds: 5, seed: 1}\n"
    assert load_settings(write(tmp_path, text), root=tmp_path).tuning.folds == 5


@pytest.mark.parametrize(
    ("extra", "key", "value"),
    [
        ("tuning: {folds: 1}", "tuning.folds", "1"),
        ("tuning: {folds: many}", "tuning.folds", "many"),
        ("tuning: {budget: {max_trials: 0}}", "budget.max_trials", "0"),
        ("validation: {max_quarantine_share: 2}", "validation.max_quarantine_share", "2"),
        ("source: kaggle", "source", "kaggle"),
        ("time: [a, b]", "time", "a"),
        ("name: my problem", "name", "my problem"),
        ("features: {calendar: [weekday]}", "features.calendar.0", "weekday"),
        ("policy: {k: 4}", "policy.k", "4"),
        ("gate: {margin: 2}", "gate.margin", "2"),
    ],
)
def test_a_wrong_value_gets_its_key_and_itself(tmp_path, extra, key, value):
    message = refusal(tmp_path, PLAIN + extra)
    assert key in message
    assert value in message


@pytest.mark.parametrize(
    ("extra", "value"),
    [
        ("tuning: {budget: {max_seconds: soon}}", "soon"),
        ("tuning: {budget: {max_seconds: -5}}", "-5"),
        ("gate: {holdout: a week}", "a week"),
        (
            "features: {joins: [{table: x.csv, by: [a], columns: [b],"
            " as_of: {at: t, observed: o, delay: two hours}}]}",
            "two hours",
        ),
        (
            "features: {joins: [{table: x.csv, by: [a], columns: [b],"
            " as_of: {at: t, observed: o, delay: -2h}}]}",
            "-2h",
        ),
    ],
)
def test_what_is_no_duration_is_named(tmp_path, extra, value):
    assert value in refusal(tmp_path, PLAIN + extra)


@pytest.mark.parametrize("key", ["target", "metric", "rows"])
def test_a_missing_key_is_named(tmp_path, key):
    kept = "\n".join(line for line in PLAIN.splitlines() if not line.startswith(key))
    assert repr(key) in refusal(tmp_path, kept)


def test_a_wrong_metric_gets_the_nearest(tmp_path):
    assert "'rmse'" in refusal(tmp_path, PLAIN.replace("rmse", "rsme"))


def test_a_file_extends_another_section_by_section(tmp_path):
    write(tmp_path, PLAIN + "tuning: {folds: 4, seed: 7}\nids: [a]\n", "base.yml")
    file = write(tmp_path, "extends: base.yml\ntuning: {seed: 8}\nids: [b]\n")
    settings = load_settings(file, root=tmp_path)
    assert settings.name == "mine"
    assert (settings.tuning.folds, settings.tuning.seed, settings.ids) == (4, 8, ("b",))


@pytest.mark.parametrize("base", ["gone.yml", "[a, b]", "mine.yml"])
def test_a_base_that_cannot_be_read_is_named(tmp_path, base):
    message = refusal(tmp_path, f"extends: {base}\n{PLAIN}")
    assert "mine.yml" in message or "gone.yml" in message


def test_a_name_is_looked_up_and_a_typo_gets_the_nearest(tmp_path):
    folder = tmp_path / "conf" / "problems"
    folder.mkdir(parents=True)
    file = write(folder, PLAIN, "houses.yml")
    assert find_problem("houses", tmp_path) == file
    with pytest.raises(UsageError, match="'houses'"):
        find_problem("house", tmp_path)


def test_the_problem_of_the_tests_is_not_proposed(tmp_path):
    folder = tmp_path / "conf" / "test" / "problems"
    folder.mkdir(parents=True)
    file = write(folder, PLAIN, "tiny.yml")
    assert find_problem("tiny", tmp_path) == file
    with pytest.raises(UsageError) as caught:
        find_problem("tin", tmp_path)
    assert "tiny" not in str(caught.value)


def test_a_folder_of_batches_that_is_not_there_is_named(tmp_path):
    settings = load_settings(write(tmp_path, PLAIN + "batches: later\n"), root=tmp_path)
    assert list(settings.batch_files()) == ["rows"]  # fine before the first batch has arrived
    with pytest.raises(DataError, match=r"later.*`batches`"):
        settings.refuse_missing_batches()


def test_a_problem_is_named_like_its_file_in_a_project(tmp_path):
    # Pipelines get the name and look the file up by it.
    folder = tmp_path / "conf" / "problems"
    folder.mkdir(parents=True)
    write(folder, PLAIN + "name: homes\n", "houses.yml")
    with pytest.raises(UsageError, match="homes"):
        load_settings("houses", root=tmp_path)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "a: [1\n", "a: b: c\n", "\x00"])
def test_what_is_no_mapping_is_refused_by_name(tmp_path, text):
    assert "mine.yml" in refusal(tmp_path, text)


def test_an_empty_file_says_what_is_missing(tmp_path):
    assert "'target'" in refusal(tmp_path, "")


def test_overrides_are_checked_as_if_from_the_file(tmp_path):
    settings = load_settings(write(tmp_path, PLAIN), root=tmp_path)
    assert settings.tuning_with({"budget": {"max_trials": 3}}).budget.max_trials == 3
    assert settings.tuning_with({"seed": 3}).budget == settings.tuning.budget
    with pytest.raises(UsageError, match=r"budget.max_trial.*'max_trials'"):
        settings.tuning_with({"budget": {"max_trial": 3}})
    with pytest.raises(UsageError, match="seed"):
        settings.tuning_with({"seed": "x"})


def test_batches_come_oldest_first_and_only_tables_count(tmp_path):
    folder = tmp_path / "later"
    folder.mkdir()
    for name in ("week_2.csv", "week_1.parquet", ".hidden.csv", "notes.txt"):
        (folder / name).touch()
    settings = load_settings(write(tmp_path, PLAIN + "batches: later\n"), root=tmp_path)
    assert list(settings.batch_files()) == ["rows", "week_1", "week_2"]


def test_two_files_of_one_name_are_refused(tmp_path):
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "rows.parquet").touch()
    settings = load_settings(write(tmp_path, PLAIN + "batches: later\n"), root=tmp_path)
    with pytest.raises(DataError, match="'rows'"):
        settings.batch_files()
