"""R18, labels late: they correct the record and ask for what they show, and rewrite nothing.

Parcels get dearer while nobody knows: six batches arrive without labels, which come later. Slow as
a whole: its fixtures run two retunes and judge twelve times.
"""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from driftune import loop
from driftune.errors import DataError
from driftune.loop.late_labels import batches_with_new_labels
from driftune.loop.overdue_labels import OVERDUE
from driftune.project import Project

YAML = """
target: y
metric: rmse
time: when
ids: [parcel]
rows: data/01_raw/late/first.parquet
batches: data/01_raw/late/batches
labels: data/01_raw/late/labels
tuning: {folds: 2, budget: {max_trials: 1, max_seconds: null}, pruning: none}
policy: {cost: null, min_rows: 50}
gate: {holdout: 7d, min_rows: 50}
"""
pytestmark = pytest.mark.slow
ROWS = 150
NAMES = [f"b{number}" for number in range(6)]


def table(seed, start, surcharge=0.0):
    """Parcels: what one costs by its weight and colour, and by nothing that is known."""
    rng = np.random.default_rng(seed)
    weight = rng.lognormal(2, 0.5, ROWS)
    colour = rng.choice(["red", "green", "blue"], ROWS)
    seconds = np.sort(rng.integers(0, 604800, ROWS))
    return pd.DataFrame(
        {
            "parcel": rng.permutation(ROWS) + 1000 * seed,
            "when": pd.Timestamp(start) + pd.to_timedelta(seconds, "s"),
            "weight": weight,
            "colour": colour,
            "y": 3 * weight + 5 * (colour == "red") + surcharge + rng.normal(0, 1, ROWS),
        }
    )


def batch(number):
    start = pd.Timestamp("2024-07-01") + pd.Timedelta(weeks=number)
    return table(100 + number, start, surcharge=20.0 * (number >= 3))


def record(project):
    """All that the ledger says of observations and decisions, as plain values."""
    return [
        (r.key, r.batch, r.revision, r.kind, r.data_version, r.value, r.details, r.at,
         r.decision.outcome, r.decision.reason, r.decision.retune_id, r.decision.at)
        for r in project.ledger.observations("late")
    ]  # fmt: skip


def watch_all(project, settings):
    """Watch until nothing is pending, as a schedule does; no retune is carried out."""
    seen = []
    while news := list(loop.watch(project, settings)):
        seen += news
    return seen


@pytest.fixture(scope="module")
def silent(module_project):
    """A project whose first model serves, after six batches without a label."""
    raw = module_project.root / "data/01_raw/late"
    for folder in ("batches", "labels"):
        (raw / folder).mkdir(parents=True)
    (module_project.root / "conf/problems/late.yml").write_text(YAML)
    first = pd.concat([table(i, f"2024-0{i}-01") for i in range(1, 7)])
    first.to_parquet(raw / "first.parquet", index=False)
    settings = module_project.settings("late")
    assert loop.retune(module_project, settings, trigger="first").status == "promoted"
    for number, name in enumerate(NAMES):
        rows = batch(number)
        rows = rows.drop(columns="y") if number == 1 else rows.assign(y=np.nan)
        rows.to_parquet(raw / "batches" / f"{name}.parquet", index=False)
    return module_project, settings, watch_all(module_project, settings)


@pytest.fixture(scope="module")
def labelled(silent):
    """The same after all labels have come: five in files of their own, one in the batch's file."""
    project, settings, _ = silent
    before = record(project)
    labels = pd.concat([batch(number) for number in range(5)])[["parcel", "y"]]
    labels.sample(frac=1, random_state=0).to_csv(settings.labels / "july.csv", index=False)
    batch(5).to_parquet(settings.batch_files()["b5"], index=False)
    news = batches_with_new_labels(project, settings)
    return project, settings, before, news, watch_all(project, settings)


def test_without_labels_performance_is_estimated_and_nothing_is_asked_for(silent):
    project, _, seen = silent
    assert [row.batch for row in seen] == NAMES
    for row in seen:
        assert (row.revision, row.kind, row.value) == (0, "estimated", None)
        assert row.details["estimate"]["estimated"] is True
        assert row.details["estimate"]["value"] == pytest.approx(
            row.details["estimate"]["reference_value"], rel=0.5
        )
        assert row.decision.outcome == "insufficient_data"
        assert row.decision.retune_id is None
    assert [row.trigger for row in project.ledger.retunes("late")] == ["first"]


def test_each_batch_whose_labels_came_gets_a_revision_with_a_decision_of_its_own(labelled):
    project, _, _, news, seen = labelled
    assert news == NAMES
    assert [row.batch for row in seen] == NAMES
    for number, row in enumerate(seen):
        assert (row.revision, row.kind, row.status) == (1, "realised", "ok")
        assert row.details["rows"] == ROWS
        assert (row.value > 15) == (number >= 3)  # what no estimate could know
    assert [r.batch for r in project.ledger.latest_observations("late")] == NAMES


def test_what_was_decided_then_stays_as_it_was(labelled):
    project, _, before, _, _ = labelled
    assert record(project)[: len(before)] == before
    assert len(record(project)) == 2 * len(NAMES)


def test_the_policy_asks_for_one_retune(labelled):
    project, _, _, _, seen = labelled
    asked = [row for row in seen if row.decision.outcome == "queued"]
    assert [row.batch for row in asked] == ["b4"]  # the second bad one
    (wanted,) = project.ledger.open_retunes("late")
    assert wanted.id == asked[0].decision.retune_id
    assert wanted.trigger == "performance_drop"


def test_a_tick_without_news_runs_nothing_and_writes_nothing(labelled, monkeypatch):
    project, settings, *_ = labelled
    before = record(project)
    monkeypatch.setattr(Project, "run_pipelines", lambda *_, **__: pytest.fail("pipelines ran"))
    began = time.process_time()
    assert list(loop.watch(project, settings)) == []
    assert time.process_time() - began < 0.5  # seconds
    assert record(project) == before


@pytest.fixture(scope="module")
def retuned(labelled):
    """What the one retune did."""
    project, settings, *_ = labelled
    (wanted,) = project.ledger.open_retunes("late")
    return project, settings, loop.carry_out(project, settings, wanted.id)


def test_the_retune_learns_from_every_label_that_has_come(retuned):
    project, _, row = retuned
    assert row.through == "b5"
    search = project.load_dataset("search_rows", problem="late")
    promotion = project.load_dataset("promotion_rows", problem="late")
    known = pd.concat([search, promotion]).set_index("parcel")["y"]
    for number in range(3, 6):  # the loop may leave out what is older than the change
        rows = batch(number)
        assert known[rows["parcel"]].tolist() == rows["y"].tolist()
    assert row.status == "promoted"


def test_labels_of_what_another_version_served_correct_the_record_and_ask_for_nothing(retuned):
    project, settings, _ = retuned
    assert project.registry("late").version_of("champion") == 2
    (settings.labels / "august.csv").write_text("parcel,y\n105000,21.5\n")
    (row,) = loop.watch(project, settings)
    assert (row.batch, row.revision, row.champion_version) == ("b5", 2, 1)
    assert row.value > 15  # of version 1, on drifted rows
    assert (row.decision.outcome, row.decision.breach) == ("no_drift", False)


def test_a_correction_that_is_taken_back_is_news_once_more_and_then_no_more(retuned):
    project, settings, _ = retuned
    (settings.labels / "august.csv").unlink(missing_ok=True)
    revision = project.ledger.observation("late", "b5").revision
    for step, text in enumerate(["parcel,y\n105001,30\n", "", "parcel,y\n105001,30\n"], start=1):
        if text:
            (settings.labels / "august.csv").write_text(text)
        else:
            (settings.labels / "august.csv").unlink()
        seen = [row for row in loop.watch(project, settings) if row.batch == "b5"]
        assert len(seen) == 1
        assert seen[0].revision >= revision + step
    assert list(loop.watch(project, settings)) == []


def test_a_file_of_labels_that_cannot_be_used_stops_the_watch_with_one_sentence(retuned):
    project, settings, _ = retuned
    before = record(project)
    bad = settings.labels / "september.csv"
    bad.write_text("parcel,cost\n105000,21.5\n")
    with pytest.raises(DataError, match="no column 'y'") as caught:
        list(loop.watch(project, settings))
    assert "\n" not in str(caught.value)
    assert record(project) == before
    bad.unlink()
    assert loop.pending_batches(project, settings) == []


def test_a_reference_that_cannot_say_what_to_expect_stops_nothing(retuned):
    project, settings, _ = retuned
    rows = table(300, "2024-08-20").assign(y=np.nan)
    rows.to_parquet(settings.batches / "b55.parquet", index=False)
    many = settings.model_copy(update={"policy": replace(settings.policy, min_rows=10 * ROWS)})
    (row,) = loop.watch(project, many)
    assert (row.batch, row.status, row.details["estimate"]) == ("b55", "insufficient_data", None)


def test_labels_that_should_have_come_are_an_alert_and_one_only(retuned):
    project, settings, _ = retuned
    start = pd.Timestamp("2024-09-01")
    table(200, start).drop(columns="y").to_parquet(settings.batches / "b6.parquet", index=False)
    patient = settings.model_copy(update={"label_delay": "28d"})
    (row,) = loop.watch(project, patient)
    assert (row.batch, row.kind) == ("b6", "estimated")
    assert list(loop.watch(project, patient)) == []
    assert project.ledger.observation("late", "b6").revision == 0
    hasty = settings.model_copy(update={"label_delay": "0s"})
    for _ in range(2):
        assert list(loop.watch(project, hasty)) == []  # also an alert for b55
        newest = project.ledger.observation("late", "b6")
        assert (newest.revision, newest.decision.outcome) == (1, "alert")
        assert newest.decision.trigger == OVERDUE
        assert f"{ROWS} of {ROWS} rows have none" in newest.decision.reason
    assert project.ledger.retunes("late", "queued") == []
