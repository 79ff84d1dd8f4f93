"""A decision leads to the rows that were known when it was made."""

import pytest

from driftune import lineage
from driftune.errors import DataError
from driftune.ledger import DecisionRow, ObservationRow


def accept(project, batch, text):
    """Leave a batch's accepted rows as validation does."""
    folder = project.root / "data" / "02_intermediate" / "tiny" / "accepted"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{batch}.parquet").write_text(text)


def decide(project, batch, *, status="ok", revision=0, **details):
    count = len(project.ledger.observations("tiny"))
    row = ObservationRow(
        key=f"{batch}-{revision}", problem="tiny", batch=batch, revision=revision, sequence=count,
        data_version="x", status=status, details=details,
    )  # fmt: skip
    decision = DecisionRow(outcome="no_drift", breach=False, reason="x", policy="x")
    return project.ledger.record(row, decision)


def rows(project, version, folder):
    found = lineage.restore(project.root, "tiny", version, into=folder)
    return {file.stem: file.read_text() for file in found.glob("*.parquet")}


def test_each_decision_has_the_rows_of_its_time(project, tmp_path):
    settings = project.settings("tiny")
    accept(project, "initial", "first rows")
    versions = {}
    for batch in ("week_13", "week_14"):
        accept(project, batch, f"rows of {batch}")
        versions[batch] = lineage.snapshot_decision(project, settings, batch)
        decide(project, batch, snapshot=versions[batch])
    decide(project, "week_15", status="invalid_data", refusal="broken")
    accept(project, "week_13", "rows of week_13 with labels")  # they have arrived late
    versions["again"] = lineage.snapshot_decision(project, settings, "week_13")
    before = {"initial": "first rows", "week_13": "rows of week_13"}
    both = before | {"week_14": "rows of week_14"}
    assert rows(project, versions["week_13"], tmp_path / "1") == before
    assert rows(project, versions["week_14"], tmp_path / "2") == both
    assert rows(project, versions["again"], tmp_path / "3") == both | {
        "week_13": "rows of week_13 with labels"
    }
    whole = lineage.snapshot_batches(project, settings, ["initial", "week_13", "week_14"])
    assert whole == versions["again"]  # a retune of the same rows has the same version


def test_what_a_retune_is_writing_is_not_read(project, tmp_path):
    settings = project.settings("tiny")
    accept(project, "initial", "first rows")
    accept(project, "week_13", "rows of week_13")
    decide(project, "week_13", snapshot=lineage.snapshot_decision(project, settings, "week_13"))
    accept(project, "initial", "half of it")
    accept(project, "week_14", "rows of week_14")
    version = lineage.snapshot_decision(project, settings, "week_14")
    assert rows(project, version, tmp_path / "1")["initial"] == "first rows"


def test_rows_that_are_not_there_are_named(project):
    accept(project, "week_13", "rows")
    with pytest.raises(DataError, match=r"initial\.parquet"):
        lineage.snapshot_decision(project, project.settings("tiny"), "week_13")
