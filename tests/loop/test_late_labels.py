"""Which batches late labels change, what that costs, and when labels are overdue."""

import builtins
import logging
import time
from datetime import timedelta

import pandas as pd
import pytest

from driftune.errors import DataError
from driftune.ledger import DecisionRow, ObservationRow
from driftune.ledger.tables import now
from driftune.lineage import file_version
from driftune.loop.late_labels import (
    batches_with_new_labels,
    content_version,
    content_versions,
)
from driftune.loop.overdue_labels import OVERDUE, alert_overdue_labels
from driftune.project import Project
from driftune.validation import batch_version, repairs_file
from driftune.validation.batch import ROW_ID
from driftune.validation.repairs import write_repairs

PROBLEM = """
target: price
metric: rmse
ids: [item]
rows: initial.csv
batches: batches
labels: labels
label_delay: 28d
"""


@pytest.fixture
def shop(tmp_path):
    """A project with two batches of three items each, whose prices are not known."""
    (tmp_path / "pyproject.toml").write_text("[tool.driftune]\n")
    for name in ("batches", "labels", "conf/problems"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "conf/problems/shop.yml").write_text(PROBLEM)
    (tmp_path / "initial.csv").write_text("item,size,price\n1,1,1\n2,2,2\n")
    for name, first in (("may", 10), ("june", 20)):
        rows = pd.DataFrame({"item": range(first, first + 3), "size": 1.0, "price": None})
        rows.to_parquet(tmp_path / "batches" / f"{name}.parquet")
    project = Project(tmp_path)
    return project, project.settings("shop")


def observe(project, settings, batch, *, labelled=0, missing=3, version=None, at=None):
    """Write an observation of a batch as it is now."""
    known = project.ledger.observation("shop", batch)
    version = version or content_version(project, settings, batch)
    row = ObservationRow(
        key=f"{batch}{version}", problem="shop", batch=batch,
        revision=known.revision + 1 if known else 0,
        sequence=len(project.ledger.observations("shop")), data_version=version,
        status="ok" if labelled > missing else "insufficient_data", kind="estimated",
        details={"rows": labelled, "unlabelled": missing}, at=at or now(),
    )  # fmt: skip
    decision = DecisionRow(outcome="insufficient_data", breach=False, reason="", policy="")
    return project.ledger.record(row, decision)


def put(project, text, name="labels.csv"):
    (project.root / "labels" / name).write_text(text)


def test_without_labels_from_elsewhere_the_version_is_that_of_the_file(shop):
    project, settings = shop
    versions = content_versions(project, settings)
    assert list(versions) == ["initial", "june", "may"]
    for batch, path in settings.batch_files().items():
        assert versions[batch] == file_version(path) == content_version(project, settings, batch)


def test_labels_change_the_batches_that_they_are_for_and_no_other(shop):
    project, settings = shop
    for batch in ("june", "may"):
        observe(project, settings, batch)
    assert batches_with_new_labels(project, settings) == []
    put(project, "item,price\n11,5\n12,6\n")
    assert batches_with_new_labels(project, settings) == ["may"]
    observe(project, settings, "may")
    assert batches_with_new_labels(project, settings) == []
    put(project, "item,price\n11,5.5\n", "labels_2.csv")  # corrected
    put(project, "item,price\n20,7\n", "labels_3.csv")
    assert batches_with_new_labels(project, settings) == ["june", "may"]


def test_repaired_rows_are_news(shop):
    project, settings = shop
    observe(project, settings, "may")
    place = repairs_file(project.root, "shop", "may")
    write_repairs(place, pd.DataFrame({ROW_ID: ["0"], "item": [10], "size": [2.0]}))
    assert batches_with_new_labels(project, settings) == ["may"]
    put(project, "item,price\n11,5\n")
    versions = content_versions(project, settings)
    assert versions["may"] == content_version(project, settings, "may")
    assert versions["may"] != batch_version(project.root, settings, "may")


def test_a_rewritten_batch_has_news_and_one_that_was_never_observed_has_none(shop):
    project, settings = shop
    observe(project, settings, "may")
    for batch in ("may", "june"):
        path = settings.batch_files()[batch]
        pd.read_parquet(path).assign(price=3.0).to_parquet(path)
    assert batches_with_new_labels(project, settings) == ["may"]


def test_all_versions_at_once_are_those_of_one_at_a_time(shop):
    project, settings = shop
    put(project, "item,price\n10,1\n22,2\n1,3\n")
    versions = content_versions(project, settings)
    assert versions == {batch: content_version(project, settings, batch) for batch in versions}
    assert versions["may"] != file_version(settings.batch_files()["may"])


def test_an_idle_tick_reads_no_table(shop, monkeypatch):
    project, settings = shop
    put(project, "item,price\n10,1\n")
    versions = content_versions(project, settings)
    opened = []
    real = builtins.open
    for name in ("read_csv", "read_parquet"):
        monkeypatch.setattr(pd, name, lambda *_, **__: pytest.fail("a table was read"))
    monkeypatch.setattr(builtins, "open", lambda f, *a, **k: opened.append(f) or real(f, *a, **k))
    monkeypatch.setattr(
        "driftune.loop.late_labels.file_version", lambda path: pytest.fail(f"{path} was read")
    )
    began = time.process_time()
    assert content_versions(project, settings) == versions
    assert time.process_time() - began < 0.1  # seconds
    assert not any("batches" in str(path) for path in opened)


def test_another_target_or_other_ids_are_looked_at_anew(shop):
    project, settings = shop
    put(project, "item,size,price\n10,1,1\n")
    before = content_versions(project, settings)
    other = settings.model_copy(update={"target": "size"})
    assert content_versions(project, other)["may"] != before["may"]


def test_a_label_that_rows_of_two_batches_could_take_is_refused(shop):
    project, settings = shop
    put(project, "item,price\n10,1\n")
    content_versions(project, settings)
    rows = pd.DataFrame({"item": [10], "size": [1.0], "price": [None]})
    rows.to_parquet(settings.batches / "next.parquet")  # the same item, a month later
    with pytest.raises(DataError, match=r"item = 10, and both 'may' and 'next' have such a row"):
        content_versions(project, settings)


def test_labels_of_unknown_rows_are_told_once_and_wait(shop, caplog):
    project, settings = shop
    put(project, "item,price\n10,1\n30,2\n")
    with caplog.at_level(logging.WARNING):
        content_versions(project, settings)
        content_versions(project, settings)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "item = 30" in told
    rows = pd.DataFrame({"item": [30], "size": [1.0], "price": [None]})
    rows.to_parquet(settings.batches / "next.parquet")
    path = settings.batch_files()["next"]
    assert content_versions(project, settings)["next"] != file_version(path)


def test_first_rows_that_are_not_there_yet_are_no_error(shop):
    project, settings = shop
    settings.rows.unlink()  # those of the demonstration are made by the first retune
    assert list(content_versions(project, settings)) == ["june", "may"]


def test_a_batch_that_cannot_be_read_stops_nobody(shop):
    project, settings = shop
    put(project, "item,price\n10,1\n")
    (settings.batches / "broken.parquet").write_bytes(b"PAR1")
    versions = content_versions(project, settings)
    assert versions["broken"] == file_version(settings.batches / "broken.parquet")


def test_labels_are_overdue_after_their_delay_and_once(shop):
    project, settings = shop
    observe(project, settings, "may")
    observe(project, settings, "june", labelled=3, missing=0)
    later = now() + timedelta(days=27)
    assert alert_overdue_labels(project, settings, at=later) == []
    later += timedelta(days=2)
    (row,) = alert_overdue_labels(project, settings, at=later)
    assert (row.batch, row.revision, row.kind) == ("may", 1, "estimated")
    assert (row.decision.outcome, row.decision.trigger) == ("alert", OVERDUE)
    assert "3 of 3 rows have none" in row.decision.reason
    assert row.decision.retune_id is None
    assert alert_overdue_labels(project, settings, at=later) == []
    assert batches_with_new_labels(project, settings) == []
    kept = project.ledger.observations("shop")[0]
    assert (kept.batch, kept.revision, kept.decision.outcome) == ("may", 0, "insufficient_data")


def test_labels_that_come_after_the_alert_are_news_and_end_it(shop):
    project, settings = shop
    observe(project, settings, "may")
    observe(project, settings, "june")
    later = now() + timedelta(days=29)
    put(project, "item,price\n20,1\n")
    alerts = alert_overdue_labels(project, settings, at=later)
    assert [row.batch for row in alerts] == ["may"]  # june's label waits to be observed
    put(project, "item,price\n10,1\n11,1\n12,1\n", "next.csv")
    assert batches_with_new_labels(project, settings) == ["june", "may"]
    for batch in ("may", "june"):
        observe(project, settings, batch, labelled=3, missing=0)
    assert alert_overdue_labels(project, settings, at=later) == []


def test_a_small_batch_and_a_problem_without_a_delay_are_never_overdue(shop):
    project, settings = shop
    observe(project, settings, "may", labelled=1, missing=0)
    observe(project, settings, "june")
    later = now() + timedelta(days=400)
    patient = settings.model_copy(update={"label_delay": None})
    assert alert_overdue_labels(project, patient, at=later) == []
    assert [row.batch for row in alert_overdue_labels(project, settings, at=later)] == ["june"]
