"""Labels that arrive in files of their own are in the rows that pass validation."""

import json

import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.validation import repairs_file
from driftune.validation.batch import ROW_ID
from driftune.validation.repairs import write_repairs
from driftune.validation.row_ids import row_ids

PROBLEM = """
extends: ../test/problems/tiny.yml
labels: late
"""
NAMED = ["flight", "tailnum", "scheduled_departure", "air_time"]


@pytest.fixture
def flights(module_project):
    """A project whose week 13 has no label, its rows with their labels, and how to validate it."""
    root = module_project.root
    (root / "conf/problems/slow.yml").write_text(PROBLEM)
    (root / "late").mkdir(exist_ok=True)
    settings = module_project.settings("slow")
    path = settings.batch_files()["week_13"]
    labelled = pd.read_parquet(path)

    def accepted():
        module_project.run_pipelines("data_validation", problem="slow", batches=["week_13"])
        return pd.read_parquet(root / "data/02_intermediate/slow/accepted/week_13.parquet")

    labelled.assign(air_time=None).to_parquet(path, index=False)
    yield settings, labelled, accepted
    labelled.to_parquet(path, index=False)
    for file in (root / "late").iterdir():
        file.unlink()


def test_late_labels_are_there_and_the_rest_is_as_it_was(flights):
    settings, labelled, accepted = flights
    labelled[NAMED].sample(frac=1, random_state=0).to_csv(settings.labels / "a.csv", index=False)
    pd.testing.assert_frame_equal(accepted(), labelled)


def test_a_batch_without_the_targets_column_is_labelled_too(flights):
    settings, labelled, accepted = flights
    path = settings.batch_files()["week_13"]
    labelled.drop(columns="air_time").to_parquet(path, index=False)
    assert accepted()["air_time"].isna().all()
    labelled[NAMED].head(100).to_parquet(settings.labels / "a.parquet")
    rows = accepted()
    pd.testing.assert_series_equal(
        rows["air_time"].head(100), labelled["air_time"].head(100), check_dtype=False
    )
    assert rows["air_time"].tail(200).isna().all()


def test_a_late_label_is_checked_like_any_other(flights):
    settings, labelled, accepted = flights
    labels = labelled[NAMED].dropna()
    labels.iloc[[5], 3] = 5000.0  # minutes in the air
    labels.to_csv(settings.labels / "a.csv", index=False)
    wrong = labels.iloc[5]
    rows = accepted()
    assert len(rows) == len(labelled) - 1
    assert not ((rows["flight"] == wrong["flight"]) & (rows["tailnum"] == wrong["tailnum"])
                & (rows["scheduled_departure"] == wrong["scheduled_departure"])).any()  # fmt: skip


def test_a_repaired_row_gets_the_label_that_came_after_its_repair(module_project, flights):
    settings, labelled, accepted = flights
    ids = row_ids(labelled, settings)
    repaired = labelled.iloc[[3, 4]].assign(**{ROW_ID: ids[[3, 4]], "distance": 777})
    repaired["air_time"] = [None, 321.0]  # the second label was repaired by hand
    place = repairs_file(module_project.root, "slow", "week_13")
    write_repairs(place, repaired)
    labelled[NAMED].to_csv(settings.labels / "a.csv", index=False)
    rows = accepted()
    place.unlink()
    assert rows["distance"][3:5].tolist() == [777, 777]
    assert rows["air_time"][3:5].tolist() == [labelled["air_time"][3], 321.0]


def test_a_batch_that_is_rewritten_with_its_labels_is_as_fresh_as_it_was(module_project, flights):
    """Labels come weeks after their rows; that does not make the rows old when they arrived."""
    settings, labelled, accepted = flights
    accepted()
    report = module_project.root / "data/08_reporting/slow/validation/week_13.json"
    first = json.loads(report.read_text())
    arrival = labelled["scheduled_departure"].max() + pd.Timedelta(days=1)
    report.write_text(json.dumps(first | {"as_of": f"{arrival.isoformat()}+00:00"}))
    problem = module_project.root / "conf/problems/slow.yml"
    problem.write_text(f"{PROBLEM}validation: {{max_age: 10d}}\n")
    labelled.to_parquet(settings.batch_files()["week_13"], index=False)
    pd.testing.assert_frame_equal(accepted(), labelled)


def test_a_file_of_labels_that_cannot_be_used_refuses_no_batch(module_project, flights):
    """It stops the run: the rows are not to blame, and no verdict on them goes on record."""
    settings, labelled, accepted = flights
    labels = labelled[NAMED].drop(columns="scheduled_departure")
    again = pd.concat([labels.head(1), labels.head(1).assign(air_time=1.0)])
    again.to_csv(settings.labels / "a.csv", index=False)
    with pytest.raises(DataError, match="different labels for flight = ") as caught:
        accepted()
    assert "refused" not in str(caught.value)
