"""Each decision that matters has a page: written once, with what was known at its moment."""

import os

import pytest

from driftune.errors import UsageError
from driftune.reporting import write_decision, write_report
from driftune.reporting.records import read_records


@pytest.fixture(scope="module")
def plant(tell_plant, end_plant):
    """The pages of the middle of the story, and those of its end."""
    project, settings = tell_plant("plant")
    folder = write_report(project, settings).parent / "decisions"
    middle = {file.name: file.read_bytes() for file in folder.iterdir()}
    for name in middle:
        os.utime(folder / name, (1, 1))
    end_plant(project, settings)
    write_report(project, settings)
    return project, settings, folder, middle


def read(folder, name):
    return (folder / name).read_text(encoding="utf-8")


def test_what_matters_has_a_page_and_routine_has_none(plant):
    *_, folder, _ = plant
    assert sorted(file.name for file in folder.iterdir()) == [
        "decision-w_4.html", "decision-w_5.html", "decision-w_6.html",
        "retune-plant-r1-promoted.html", "retune-plant-r2-awaiting_approval.html",
        "retune-plant-r2-promoted.html", "retune-plant-r3-rejected.html",
        "rollback-3-version-1.html",
    ]  # fmt: skip


def test_an_old_page_is_not_touched_by_what_came_later(plant):
    *_, folder, middle = plant
    assert {name: (folder / name).read_bytes() for name in middle} == middle
    assert {(folder / name).stat().st_mtime for name in middle} == {1}


def test_a_lost_page_is_written_again_without_hindsight(plant):
    project, settings, folder, middle = plant
    (folder / "decision-w_4.html").unlink()
    write_report(project, settings)
    again = read(folder, "decision-w_4.html")
    assert again == middle["decision-w_4.html"].decode()
    assert "A retune was asked for after w_4" in again
    assert "w_5" not in again
    assert "version 2 was promoted" not in again


def test_the_report_leads_to_every_page(plant):
    project, settings, folder, _ = plant
    page = write_report(project, settings).read_text(encoding="utf-8")
    for file in folder.iterdir():
        assert f'href="decisions/{file.name}"' in page


def test_the_decision_shows_what_it_rests_on(plant):
    *_, folder, _ = plant
    page = read(folder, "decision-w_4.html")
    for fact in (
        "15 (14 to 16) on 300 labelled rows, 7 without a label",
        "bytes-of-w_4-0",
        "1 of 2\ncolumns drifted: wind",
        "AUC 0.810; drift is above 0.620, so that this is drift. It looks at wind (70%), rain",
        "what a retune costs",
        "-10.0 %",  # the earlier champion would have lost more
        "min_drop = 0.4",
        "dvc-1",
        "There is no earlier champion to go back to.",
    ):
        assert fact in page
    assert "<b>AA" not in page
    assert "<script" not in page


def test_the_timeline_tells_estimates_and_corrections_from_what_was_measured(plant):
    *_, folder, _ = plant
    page = read(folder, "decision-w_4.html")
    assert ">estimated, before labels came<" in page
    assert ">first seen, before more labels came<" in page
    report = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert "first seen 11" in report
    assert "revision 1" in report
    assert "estimated</span>" in report


def test_the_end_of_a_retune_shows_its_proof(plant):
    *_, folder, _ = plant
    page = read(folder, "retune-plant-r2-promoted.html")
    for fact in (
        "After w_4: version 2 was promoted",
        ">against version 1<",
        ">against the one before<",
        "carrier = &lt;b&gt;AA&lt;/b&gt;",
        "17 judged, the 1 worst are in the picture",
        "Approved by Ada &lt;ada@example&gt;: the slices look right",
        "9.5 against 10.25 of the champion on 300 rows",
        "driftune rollback plant",
        "# version 1 serves again",
        'href="decision-w_4.html"',
        'href="../report.html"',
    ):
        assert fact in page


def test_what_waited_for_approval_does_not_know_who_gave_it(plant):
    *_, folder, _ = plant
    page = read(folder, "retune-plant-r2-awaiting_approval.html")
    assert "version 2 waits for approval" in page
    assert "Version 1 stays in service." in page
    assert "Ada" not in page


def test_a_person_who_rejects_is_named_with_the_reason(plant):
    *_, folder, _ = plant
    page = read(folder, "retune-plant-r3-rejected.html")
    assert "Rejected by Bob: not on a Friday" in page
    report = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert ">v1 through w_6<" in report  # a recall trains nothing: its version is the candidate
    assert "A recall was asked for" in page


def test_a_rollback_has_a_page(plant):
    *_, folder, _ = plant
    page = read(folder, "rollback-3-version-1.html")
    assert "Version 1 serves again" in page
    assert "Version 2 was taken back: why not" in page
    assert "# version 2 serves again" in page  # how to take that back


def test_refused_data_is_an_alert_that_says_why(plant):
    *_, folder, _ = plant
    page = read(folder, "decision-w_5.html")
    assert "Alert about w_5" in page
    assert "no column wind" in page


def test_any_decision_can_be_asked_for(plant):
    project, settings, *_ = plant
    quiet = write_decision(project, settings, "w_3")
    assert [path.name for path in quiet] == ["decision-w_3.html", "decision-w_3-revision-1.html"]
    assert "Nothing was to be done about w_3 (revision 1)" in quiet[1].read_text(encoding="utf-8")
    acted = write_decision(project, settings, "w_4")
    assert [path.name for path in acted] == ["decision-w_4.html", "retune-plant-r2-promoted.html"]
    with pytest.raises(UsageError, match=r"'w_44'.*Did you mean 'w_4'"):
        write_decision(project, settings, "w_44")
    for path in quiet:
        path.unlink()


def test_mlflow_is_asked_the_same_few_questions_whatever_there_is(plant, monkeypatch):
    from mlflow import MlflowClient

    asked = []

    def note(name):
        real = getattr(MlflowClient, name)

        def noted(*arguments, **options):
            asked.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(MlflowClient, name, noted)

    for name in dir(MlflowClient):
        if name.startswith(("search_", "get_")):
            note(name)
    read_records(*plant[:2])
    assert sorted(asked) == [
        "get_experiment_by_name", "search_model_versions", "search_registered_models",
        "search_runs",
    ]  # fmt: skip
