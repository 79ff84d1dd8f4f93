"""A report is written whatever is away, gone or odd; what could not be read is said and mended."""

import json
import time

import pytest

from driftune.reporting import write_report
from driftune.reporting.cropping import crop
from driftune.reporting.events import decision_event, find_events, slug
from driftune.reporting.reading import tell
from driftune.reporting.records import read_records
from driftune.reporting.story import START

NOBODY = "http://127.0.0.1:9"  # nothing listens on port 9


@pytest.fixture(scope="module")
def site(tell_plant, end_plant):
    """The whole story."""
    project, settings = tell_plant("site")
    end_plant(project, settings)
    return project, settings


def test_without_mlflow_the_facts_of_the_ledger_are_there(site, monkeypatch):
    project, settings = site
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", NOBODY)
        began = time.monotonic()
        report = write_report(project, settings)
        assert time.monotonic() - began < 60
    text = report.read_text(encoding="utf-8")
    assert "Not all is here: MLflow at http://127.0.0.1:9 does not answer" in text
    for fact in ("Version 1 of site is in service", "rollback", "15 (14 to 16)", "12.5"):
        assert fact in text
    page = report.parent / "decisions" / "decision-w_4.html"
    assert "Not all is here" in page.read_text(encoding="utf-8")
    write_report(project, settings)  # MLflow is back
    for file in (report, page):
        text = file.read_text(encoding="utf-8")
        assert "Not all is here" not in text
        assert "dvc-1" in text
    assert "w_6" not in page.read_text(encoding="utf-8")  # completed, without hindsight


def test_what_the_ledger_says_oddly_is_left_out(site):
    project, settings = site
    records = read_records(project, settings)
    for row in records.observations:
        row.details = {"drift": {"status": "insufficient_data", "columns": []}, "regret": None}
    told = tell(records)
    assert all(batch.estimate is None for batch in told.batches)
    assert told.batches[0].reference is None


def test_an_event_knows_nothing_of_what_came_after(site):
    records = read_records(*site)
    event = next(e for e in find_events(records) if e.file == "decision-w_4.html")
    told = tell(records, event)
    assert [batch.name for batch in told.batches] == ["w_1", "w_2", "w_3", "w_4"]
    assert told.champion == 1
    assert [(r.id, r.status, r.version) for r in told.retunes] == [
        ("site-r1", "promoted", 1),
        ("site-r2", "queued", None),
    ]
    assert {version.number for version in told.versions} == {1}


def test_between_two_revisions_only_the_first_is_known(site):
    records = read_records(*site)
    row = next(row for row in records.observations if row.batch == "w_3")
    told = tell(records, decision_event(row))
    assert told.batches[-1].value == 11.0
    assert told.batches[-1].first is None
    newest = tell(records).batches[2]
    assert (newest.value, newest.first.value, newest.revision) == (14.0, 11.0, 1)


def test_an_estimate_is_no_measurement(site):
    records = read_records(*site)
    row = next(row for row in records.observations if row.batch == "w_2")
    seen = tell(records, decision_event(row)).batches[-1]
    assert seen.value is None
    assert seen.estimate.value == 10.4
    corrected = tell(records).batches[1]
    assert corrected.value == 12.5
    assert corrected.first is None  # nothing was measured before


def test_the_first_model_is_read_from_what_the_watcher_saw(site):
    seen = {batch.name: batch for batch in tell(read_records(*site)).batches}
    assert seen["w_1"].first_model == seen["w_1"].value  # it served
    assert seen["w_6"].first_model == pytest.approx(11.0 * 1.1)  # it was scored beside version 2


def test_a_page_of_many_batches_shows_the_newest(site):
    told = tell(read_records(*site))
    near = crop(told, 2)
    assert [(batch.name, batch.position) for batch in near.batches] == [("w_5", 0), ("w_6", 1)]
    assert [(change.version, change.position) for change in near.changes] == [(2, START), (1, 1)]
    assert crop(told, 6) is told


def test_names_that_files_and_links_do_not_take_have_a_page_of_their_own(tell_plant):
    names = ["a b", "a/b", "50%", "x#y", "ü", "a_b", ".."]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(text.replace("_", "").replace("-", "").isalnum() for text in slugs)


def test_kept_scores_are_of_one_model_and_one_metric(site):
    project, settings = site
    file = project.state / "first_model" / "site.json"
    file.parent.mkdir(exist_ok=True)
    for odd in ("{", json.dumps({"version": 9, "metric": "rmse", "scores": {"w_1 x": [1, 2]}})):
        file.write_text(odd)
        write_report(project, settings)
