"""R15, the files of batches: damage is named or repaired, never passed over in silence."""

import json

import pandas as pd
import pytest

from driftune.errors import ValidationFailed
from driftune.validation.batch import ROW_ID
from driftune.validation.repairs import write_repairs
from driftune.validation.row_ids import row_ids
from driftune.validation.versions import repairs_file

GARBAGE = [b"", b"{", b"\xff\xfe\x00garbage", b"[1]"]


def check(project):
    project.run_pipelines("data_validation", problem="tiny", batches=["week_13"])
    report = project.root / "data/08_reporting/tiny/validation/week_13.json"
    accepted = project.root / "data/02_intermediate/tiny/accepted/week_13.parquet"
    return json.loads(report.read_text()), pd.read_parquet(accepted)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize(
    "place",
    ["data/02_intermediate/tiny/reference.json", "data/08_reporting/tiny/validation/week_13.json"],
)
def test_garbage_in_what_was_worked_out_is_worked_out_again(module_project, place, garbage):
    report, accepted = check(module_project)
    path = module_project.root / place
    path.write_bytes(garbage)
    again, rows = check(module_project)
    assert again["success"]
    assert again["results"] == report["results"]
    pd.testing.assert_frame_equal(rows, accepted)
    assert json.loads(path.read_text())


@pytest.mark.parametrize("garbage", [b"", b"PAR1 half a file"])
def test_damaged_repairs_refuse_their_batch_by_name_and_do_not_vanish(project, garbage):
    settings = project.settings("tiny")
    rows = pd.read_parquet(settings.batch_files()["week_13"]).head(2)
    place = repairs_file(project.root, "tiny", "week_13")
    write_repairs(place, rows.assign(**{ROW_ID: row_ids(rows, settings), "distance": 100}))
    assert check(project)[1]["distance"].head(2).tolist() == [100, 100]
    place.write_bytes(garbage)
    with pytest.raises(ValidationFailed, match=r"repaired/tiny/week_13\.parquet.*requeue"):
        check(project)
    place.unlink()
    assert check(project)[1]["distance"].head(2).tolist() == rows["distance"].tolist()


def test_a_raw_file_that_was_cut_short_is_refused_and_keeps_what_was_accepted(project):
    _, accepted = check(project)
    path = project.settings("tiny").batch_files()["week_13"]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValidationFailed, match=r"week_13\.parquet cannot be read"):
        check(project)
    report = project.root / "data/08_reporting/tiny/validation/week_13"
    assert json.loads(report.with_suffix(".json").read_text())["success"] is False
    assert "Refused" in report.with_suffix(".html").read_text()
    path.write_bytes(whole)
    pd.testing.assert_frame_equal(check(project)[1], accepted)
