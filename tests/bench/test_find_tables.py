"""From what a user writes to tables."""

import pytest

from driftune.bench import find_tables, prepare
from driftune.bench.recipes import PAPER
from driftune.errors import DataError, DriftuneError, UsageError


def test_the_papers_tables_need_no_target(tmp_path, frame):
    for name in PAPER:
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    found = find_tables([tmp_path])
    assert {table.name: table.recipe for table in found} == PAPER


def test_another_file_takes_the_settings_that_were_given(csv):
    (table,) = find_tables([csv], given={"target": "price", "rows": 60, "drop": ("b",)})
    assert (table.recipe.target, table.recipe.rows, table.recipe.drop) == ("price", 60, ("b",))


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_a_list_of_tables_is_relative_to_itself(csv, suffix):
    text = {
        "yaml": "tables:\n  - {file: houses.csv, target: price, name: a}\n"
        "  - {file: houses.csv, target: grade, in_order: true}\n",
        "toml": '[[tables]]\nfile = "houses.csv"\ntarget = "price"\nname = "a"\n'
        '[[tables]]\nfile = "houses.csv"\ntarget = "grade"\nin_order = true\n',
    }
    (csv.parent / f"list.{suffix}").write_text(text[suffix])
    found = find_tables([csv.parent / f"list.{suffix}"])
    assert [table.name for table in found] == ["a", "houses"]
    assert [prepare(table).task for table in found] == ["regression", "classification"]


def test_bundled_tables_can_be_read():
    for table in find_tables(["wine", "diabetes"]):
        assert prepare(table).task == table.recipe.task


def test_the_flights_are_in_order_of_departure():
    (table,) = find_tables(["flights"], given={"rows": 200})
    task = prepare(table)
    assert task.task == "regression"
    assert 150 < len(task.y_train) + len(task.y_test) <= 200  # cancelled ones have no air time
    assert task.folds[0][0].max() < task.folds[0][1].min()


@pytest.mark.parametrize(
    ("words", "given", "error", "said"),
    [
        (["houses.csv"], {}, UsageError, "--target"),
        (["house.csv"], {"target": "price"}, DataError, "houses.csv"),
        (["wyne"], {}, UsageError, "'wine'"),
        (["wine"], {"target": "x"}, UsageError, "--target"),
        (["houses.csv", "houses.csv"], {"target": "price"}, UsageError, "'houses'"),
        (["empty"], {}, DataError, "empty"),
        (["bad.yaml"], {}, UsageError, "'target'"),
        (["broken.toml"], {}, UsageError, "broken.toml"),
        (["none.yaml"], {}, DataError, "none.yaml"),
    ],
)
def test_a_mistake_is_named(csv, monkeypatch, words, given, error, said):
    monkeypatch.chdir(csv.parent)
    (csv.parent / "empty").mkdir()
    (csv.parent / "bad.yaml").write_text("tables:\n  - {file: houses.csv, targt: price}\n")
    (csv.parent / "broken.toml").write_text("tables = [")
    with pytest.raises(DriftuneError) as refusal:
        for table in find_tables(words, given=given):
            prepare(table)
    assert isinstance(refusal.value, error)
    assert said in str(refusal.value)
