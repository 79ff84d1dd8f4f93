"""Rows that were put aside, repaired, and taken back exactly once."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from driftune.cli.app import app
from driftune.errors import DataError, ValidationFailed
from driftune.validation.requeue import requeue
from driftune.validation.versions import batch_version

BAD = [4, 17, 200]


@pytest.fixture
def batch(project):
    """Week 13 of the flights with three rows of an impossible distance, checked once."""
    settings = project.settings("tiny")
    path = settings.batch_files()["week_13"]
    rows = pd.read_parquet(path)
    rows.loc[BAD, "distance"] = -5
    rows.to_parquet(path, index=False)
    project.run_pipelines("data_validation", problem="tiny", batches=["week_13"])
    return project, settings, rows


def folder(project, name):
    return project.root / f"data/02_intermediate/tiny/{name}/week_13.parquet"


def call(*words):
    return CliRunner().invoke(app, [*words, "--json"])


def test_the_commands_take_a_csv_of_repaired_rows_there_and_back(batch, tmp_path):
    project, _, rows = batch
    csv = tmp_path / "fix.csv"
    (shown,) = json.loads(call("quarantine", "tiny", "week_13", "--save", str(csv)).output)
    assert shown["rows"] == 3
    assert "distance" in next(iter(shown["reasons"]))
    edited = pd.read_csv(csv)
    assert edited["_row"].tolist() == BAD
    edited["distance"] = [100, 200, -1]
    edited.to_csv(csv, index=False)
    done = call("requeue", "tiny", "week_13", str(csv))
    assert done.exit_code == 1  # one is still bad
    told = json.loads(done.output)
    assert (told["accepted"], list(told["still_bad"])) == (2, [edited["_row_id"][2]])
    accepted = pd.read_parquet(folder(project, "accepted"))
    expected = rows.copy()
    expected.loc[BAD[:2], "distance"] = [100, 200]
    expected = expected.drop(index=BAD[2]).reset_index(drop=True)
    pd.testing.assert_frame_equal(accepted, expected)
    assert pd.read_parquet(folder(project, "quarantined"))["_row"].tolist() == [BAD[2]]
    # The last one, in the quarantine file itself.
    own = folder(project, "quarantined")
    pd.read_parquet(own).assign(distance=300).to_parquet(own, index=False)
    assert json.loads(call("requeue", "tiny", "week_13").output)["accepted"] == 1
    assert not own.exists()
    assert len(pd.read_parquet(folder(project, "accepted"))) == len(rows)
    assert json.loads(call("quarantine", "tiny").output) == []


def test_a_requeue_that_mends_nothing_is_no_new_version(batch):
    project, settings, _ = batch
    before = batch_version(project.root, settings, "week_13")
    done = requeue(project, settings, "week_13")
    assert (done.accepted, len(done.still_bad), done.changed) == (0, 3, False)
    assert batch_version(project.root, settings, "week_13") == before


def test_rows_come_back_when_it_was_the_check_that_was_wrong(batch):
    project, _, rows = batch
    problem = project.root / "conf/problems/air_time.yml"
    problem.write_text(problem.read_text().replace("min_value: 1,", "min_value: -9,"))
    done = requeue(project, project.settings("tiny"), "week_13")
    assert (done.accepted, done.changed) == (3, True)
    assert len(pd.read_parquet(folder(project, "accepted"))) == len(rows)


def test_a_refused_batch_is_accepted_when_enough_rows_are_repaired(batch, tmp_path):
    project, settings, rows = batch
    path = settings.batch_files()["week_13"]
    rows.assign(distance=rows["distance"].where(rows.index >= 60, -5)).to_parquet(path, index=False)
    with pytest.raises(ValidationFailed):
        project.run_pipelines("data_validation", problem="tiny", batches=["week_13"])
    aside = pd.read_parquet(folder(project, "quarantined"))
    assert len(aside) == 61
    fixed = tmp_path / "fixed.parquet"
    aside.head(20).assign(distance=500).to_parquet(fixed)
    some = requeue(project, settings, "week_13", fixed)
    assert (some.accepted, some.changed) == (0, True)
    assert "max_quarantine_share" in some.refusal
    aside.tail(41).assign(distance=500).to_parquet(fixed)
    rest = requeue(project, settings, "week_13", fixed)
    assert (rest.accepted, rest.refusal) == (41, None)
    assert len(pd.read_parquet(folder(project, "accepted"))) == len(rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda aside: aside.drop(columns="_row_id"), "_row_id"),
        (lambda aside: aside.drop(columns="distance"), "'distance'"),
        (lambda aside: pd.concat([aside, aside]), "twice"),
        (lambda aside: aside.assign(_row_id="nobody's"), "nobody's"),
        (lambda aside: aside.assign(distance="far"), "'far'"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_changes_nothing(batch, tmp_path, change, told):
    project, settings, _ = batch
    csv = tmp_path / "fix.csv"
    change(pd.read_parquet(folder(project, "quarantined"))).to_csv(csv, index=False)
    before = batch_version(project.root, settings, "week_13")
    with pytest.raises(DataError, match=told):
        requeue(project, settings, "week_13", csv)
    assert batch_version(project.root, settings, "week_13") == before


def test_a_batch_without_quarantine_names_those_that_have_some(batch):
    project, settings, _ = batch
    with pytest.raises(DataError, match=r"'week_14'.*week_13"):
        requeue(project, settings, "week_14")
