"""Bad rows are put aside, bad batches stop; the report says which check, column and value."""

import json

import pandas as pd
import pytest

from driftune.errors import DataError, UsageError, ValidationFailed


@pytest.fixture
def rows(module_project):
    return pd.read_parquet(module_project.settings("tiny").batch_files()["week_13"])


@pytest.fixture
def check(module_project):
    """Validate a table as batch ``odd``; returns accepted rows, quarantined rows, the report."""
    root = module_project.root
    batch = root / "conf/test/data/batches/odd.parquet"

    def run(table):
        table.to_parquet(batch, index=False)
        folder = root / "data/02_intermediate/tiny"
        for old in folder.glob("*/odd.parquet"):
            old.unlink()
        try:
            module_project.run_pipelines("data_validation", problem="tiny", batches=["odd"])
        finally:
            text = (root / "data/08_reporting/tiny/validation/odd.json").read_text()
        bad = folder / "quarantined" / "odd.parquet"
        return (
            pd.read_parquet(folder / "accepted" / "odd.parquet"),
            pd.read_parquet(bad) if bad.exists() else None,
            json.loads(text),
        )

    yield run
    batch.unlink()


def report_of(module_project):
    path = module_project.root / "data/08_reporting/tiny/validation/odd.json"
    return json.loads(path.read_text())


def test_good_rows_pass_unchanged(check, rows):
    accepted, quarantined, report = check(rows)
    pd.testing.assert_frame_equal(accepted, rows)
    assert quarantined is None
    assert (report["success"], report["quarantined"]) == (True, 0)
    assert not [r for r in report["results"] if "not met" in r["sentence"]]


def test_a_few_bad_rows_are_put_aside_with_number_and_reason(check, rows):
    odd = rows.copy()
    odd.loc[4, "distance"] = -5
    odd.loc[4, "origin"] = "XXX"
    odd.loc[299, "distance"] = 99_999
    accepted, quarantined, report = check(odd)
    assert len(accepted) == 298
    assert quarantined["_row"].tolist() == [4, 299]
    assert quarantined["distance"].tolist() == [-5, 99_999]
    both, one = quarantined["_reasons"]
    assert "distance" in both
    assert "origin" in both
    assert "origin" not in one
    assert report["quarantined"] == 2


def test_rows_without_a_label_are_no_bad_rows(check, rows):
    odd = rows.copy()
    odd.loc[:9, "air_time"] = None
    accepted, quarantined, _ = check(odd)
    assert len(accepted) == 300
    assert quarantined is None


def test_too_many_bad_rows_refuse_the_batch(check, rows, module_project):
    odd = rows.copy()
    odd.loc[:179, "distance"] = -5
    with pytest.raises(ValidationFailed, match=r"60\.0%.*max_quarantine_share.*distance.*-5"):
        check(odd)
    assert report_of(module_project)["success"] is False


def test_a_missing_column_refuses_the_batch(check, rows):
    with pytest.raises(ValidationFailed, match="'air_time'"):
        check(rows.drop(columns="air_time"))


def test_too_few_rows_refuse_the_batch(check, rows):
    with pytest.raises(ValidationFailed, match=r"min_value=100.*99"):
        check(rows.head(99))


def test_a_warning_goes_on_and_is_on_record(check, rows):
    odd = rows.copy()
    odd.loc[:59, "tailnum"] = None
    accepted, _, report = check(odd)
    assert len(accepted) == 300
    assert len(report["warnings"]) == 1
    assert "tailnum" in report["warnings"][0]


def test_a_batch_that_has_not_arrived_gets_the_nearest(module_project):
    with pytest.raises(DataError, match="'week_14'"):
        module_project.run_pipelines("data_validation", problem="tiny", batches=["week14"])


def test_a_file_that_is_no_table_refuses_the_batch(module_project):
    batch = module_project.root / "conf/test/data/batches/broken.parquet"
    batch.write_bytes(b"half a file")
    try:
        with pytest.raises(ValidationFailed, match=r"broken\.parquet"):
            module_project.run_pipelines("data_validation", problem="tiny", batches=["broken"])
    finally:
        batch.unlink()


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ({"type": "expect_column_values_to_be_betwen", "column": "distance"}, "_between'"),
        ({"type": "zzz"}, "'zzz'"),  # none is near: not all sixty are told
        (
            {"type": "expect_column_values_to_be_between", "column": "distance",
             "arguments": {"minimum": 0}},
            "minimum",
        ),
    ],
)  # fmt: skip
def test_a_wrong_expectation_is_the_settings_fault(rows, expectation, told):
    from driftune.data_checks import Expectation
    from driftune.validation.expectations import check_expectations

    with pytest.raises(UsageError, match=told) as caught:
        check_expectations(rows, (Expectation(**expectation),))
    assert len(str(caught.value)) < 300
