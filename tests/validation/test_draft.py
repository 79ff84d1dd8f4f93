"""The drafted section loads, its own table passes it, and it catches what is wrong."""

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from driftune.cli.app import app
from driftune.settings import load_settings
from driftune.validation.batch import check_batch
from driftune.validation.draft import draft, profile_frame, write_section

KINDS = {
    "id": "number", "when": "time", "x": "number", "full": "number", "word": "text", "flag":
    "boolean", "rare": "text", "y": "number",
}  # fmt: skip


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(300),
            "when": pd.date_range("2024-01-01", periods=300, freq="h"),
            "x": np.where(rng.random(300) < 0.2, np.nan, rng.normal(size=300)),
            "full": rng.integers(1, 10, 300),
            "word": rng.choice(["no", "yes", "o'ne: [x]"], 300),
            "flag": rng.random(300) < 0.5,
            "rare": np.where(np.arange(300) == 5, "z", None),
            "y": rng.normal(size=300),
        }
    )


def settings_with(tmp_path, section=""):
    (tmp_path / "p.yml").write_text(
        "target: y\nmetric: rmse\ntime: when\nids: [id]\nrows: a.parquet\n" + section
    )
    return load_settings(tmp_path / "p.yml", root=tmp_path)


@pytest.fixture
def drafted(rows, tmp_path):
    plain = settings_with(tmp_path)
    section = draft(profile_frame(rows, plain), plain)
    return settings_with(tmp_path, write_section(section, rows=300, source="a.parquet"))


def check(rows, settings):
    return check_batch("b", rows, KINDS, settings, run="test").report


def test_the_table_passes_its_own_draft(rows, drafted):
    types = [e.type for e in drafted.validation.expectations]
    assert {f"expect_column_values_to_be_{what}" for what in ("in_set", "between")} <= set(types)
    assert "expect_compound_columns_to_be_unique" in types
    assert drafted.validation.types == KINDS | {"rare": "text"}
    report = check(rows, drafted)
    assert (report["success"], report["quarantined"], report["warnings"]) == (True, 0, [])


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [("x", np.nan, 0.9), ("full", 500, 0.1), ("word", "maybe", 0.1), ("y", 1e3, 0.01)],
)
def test_what_differs_is_a_warning(rows, drafted, column, value, share):
    rows.loc[: int(300 * share), column] = value
    report = check(rows, drafted)
    assert report["success"]
    assert any(repr(column) in warning for warning in report["warnings"])


def test_a_row_that_is_there_twice_or_has_no_name_is_put_aside(rows, drafted):
    rows.loc[3, ["id", "when"]] = rows.loc[4, ["id", "when"]]
    rows["id"] = rows["id"].astype("Int64")
    rows.loc[8, "id"] = None
    assert check(rows, drafted)["quarantined"] == 3


def test_the_command_prints_yaml_and_never_overwrites(project):
    runner = CliRunner()
    printed = runner.invoke(app, ["expect", "tiny"])
    assert printed.exit_code == 0
    section = yaml.safe_load(printed.output)["validation"]
    assert section["types"]["distance"] == "number"
    target = project.root / "draft.yml"
    assert runner.invoke(app, ["expect", "tiny", "--save", str(target)]).exit_code == 0
    assert yaml.safe_load(target.read_text())["validation"] == section
    target.write_text("mine")
    again = runner.invoke(app, ["expect", "tiny", "--save", str(target)])
    assert again.exception.exit_code == 2
    assert target.read_text() == "mine"
    # Another table, and what it drafts is loaded by the project and passed by its batches.
    other = project.settings("tiny").batch_files()["week_14"]
    drafted = runner.invoke(app, ["expect", "tiny", "--table", str(other)]).output
    problem = project.root / "conf/problems/drafted.yml"
    problem.write_text("extends: ../test/problems/tiny.yml\nname: drafted\n" + drafted)
    project.run_pipelines("data_validation", problem="drafted", batches=["week_14"])
    assert (project.root / "data/02_intermediate/drafted/accepted/week_14.parquet").exists()
