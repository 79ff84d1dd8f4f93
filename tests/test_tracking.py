"""What a study leaves in MLflow: one parent, its children, nothing twice."""

import dataclasses
import shutil

import pandas as pd
import pytest

from driftune.errors import ServiceUnavailable
from driftune.sampler.experience import EarlierStudy
from driftune.tracking import Tracker
from driftune.tuning import TuningResult


@pytest.fixture
def tracker(mlflow_database, tmp_path):
    path = shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    return Tracker(f"sqlite:///{path}", tmp_path / "artifacts")


def trial(number, value, state="COMPLETE", **extra):
    row = {
        "number": number, "state": state, "value": value, "source": "tpe", "rationale": None,
        "params": {"learning_rate": 0.1 * (number + 1)}, "spread": 0.2, "train_gap": None,
        "best_iteration": 50, "fit_seconds": 0.1,
    }  # fmt: skip
    return row | extra


@pytest.fixture
def result():
    trials = [
        trial(0, 3.0),
        trial(1, 2.0, source="llm", rationale="slower learning"),
        trial(2, float("nan"), state="FAIL"),
    ]
    return TuningResult(
        problem="p", family="lightgbm", metric="rmse", direction="minimize",
        best_params={"learning_rate": 0.2}, best_value=2.0, best_rounds=50, rows=100, fold_rows=50,
        trials=pd.DataFrame(trials), by_source=[], stop_reason="trials", llm_cost_usd=0.0,
        llm_calls=0, study_name="p-1", storage=None, seconds=1.0, seed=0,
    )  # fmt: skip


def children(tracker, parent):
    found = tracker.client.search_runs(
        [tracker.experiment("p")], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    return {run.data.tags["driftune.trial"]: run for run in found}


def test_a_retune_has_one_run_however_often_it_is_asked_for(tracker):
    first = tracker.retune_run("p", "r", **{"driftune.data_version": "v"})
    assert tracker.retune_run("p", "r") == first
    assert tracker.retune_run("p", "other") != first
    assert tracker.client.get_run(first).data.tags["driftune.data_version"] == "v"


def test_each_trial_is_a_child_with_its_numbers_source_and_reason(tracker, result):
    parent = tracker.retune_run("p", "r")
    assert tracker.log_study("p", parent, result) == 3
    runs = children(tracker, parent)
    assert runs.keys() == {"0", "1", "2"}
    best = runs["1"]
    assert best.data.metrics == {"rmse": 2.0, "spread": 0.2, "best_iteration": 50.0,
                                 "fit_seconds": 0.1}  # fmt: skip
    assert float(best.data.params["learning_rate"]) == pytest.approx(0.2)
    assert best.data.tags["driftune.source"] == "llm"
    assert best.data.tags["driftune.rationale"] == "slower learning"
    assert [runs[n].info.status for n in "012"] == ["FINISHED", "FINISHED", "FAILED"]
    assert "rmse" not in runs["2"].data.metrics


def test_the_parent_knows_the_study_and_its_best(tracker, result):
    parent = tracker.retune_run("p", "r")
    tracker.log_study("p", parent, result)
    data = tracker.client.get_run(parent).data
    assert data.metrics["validation_rmse"] == 2.0
    assert data.tags["driftune.study"] == "p-1"
    assert data.tags["best.learning_rate"] == "0.2"


def test_a_study_is_logged_once_and_only_what_is_new_is_added(tracker, result):
    parent = tracker.retune_run("p", "r")
    tracker.log_study("p", parent, result)
    assert tracker.log_study("p", parent, result) == 0
    more = pd.concat([result.trials, pd.DataFrame([trial(3, 1.5)])], ignore_index=True)
    longer = dataclasses.replace(result, trials=more, best_value=1.5)
    assert tracker.log_study("p", parent, longer) == 1
    assert len(children(tracker, parent)) == 4
    assert tracker.client.get_run(parent).data.metrics["validation_rmse"] == 1.5


def test_a_child_that_a_kill_left_open_is_completed_not_doubled(tracker, result):
    parent = tracker.retune_run("p", "r")
    tags = {"mlflow.parentRunId": parent, "driftune.trial": "1"}
    half = tracker.client.create_run(tracker.experiment("p"), tags=tags).info.run_id
    tracker.log_study("p", parent, result)
    runs = children(tracker, parent)
    assert len(runs) == 3
    assert runs["1"].info.run_id == half
    assert runs["1"].info.status == "FINISHED"
    assert runs["1"].data.metrics["rmse"] == 2.0


def test_open_parents_are_found_until_they_are_closed(tracker):
    runs = {name: tracker.retune_run("p", name) for name in ("a", "b")}
    assert dict(tracker.running("p")) == runs
    tracker.finish(runs["a"], failed=True)
    assert dict(tracker.running("p")) == {"b": runs["b"]}
    assert tracker.client.get_run(runs["a"]).info.status == "FAILED"


def test_artifacts_stay_in_the_given_folder(tracker, tmp_path):
    experiment = tracker.client.get_experiment(tracker.experiment("p"))
    assert experiment.artifact_location.startswith((tmp_path / "artifacts").as_uri())


def test_a_server_that_is_away_names_the_setting(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ServiceUnavailable, match="MLFLOW_TRACKING_URI"):
        Tracker("http://127.0.0.1:9").experiment("p")  # the discard port: nobody listens


def study(name, problem="p", best=0.1, **features):
    entries = [{"params": {"learning_rate": best}, "value": 1.0}]
    return EarlierStudy(problem, name, "lightgbm", {"log_rows": 3.0} | features, entries, 1.0)


def test_what_a_study_found_is_read_by_every_problem_of_the_store(tracker):
    tracker.experience("p", "r").keep(study("a"))
    tracker.experience("q").keep(study("b", "q", best=0.2))
    found = tracker.experience("new").recall("lightgbm")
    assert sorted(found, key=lambda s: s.study) == [study("a"), study("b", "q", best=0.2)]
    assert tracker.experience("new").recall("xgboost") == []


def test_the_record_is_on_the_run_of_the_retune_in_words_too(tracker):
    tracker.experience("p", "r").keep(study("a", missing_share=0.25))
    tags = tracker.client.get_run(tracker.retune_run("p", "r")).data.tags
    assert tags["driftune.meta.missing_share"] == "0.25"
    assert tags["driftune.family"] == "lightgbm"


def test_a_study_that_goes_on_replaces_its_record(tracker):
    memory = tracker.experience("p")
    memory.keep(study("a"))
    memory.keep(study("a", best=0.3))
    assert memory.recall("lightgbm") == [study("a", best=0.3)]


def test_runs_without_a_readable_record_are_passed_over(tracker):
    tracker.retune_run("p", "x", **{"driftune.family": "lightgbm", "driftune.experience": "{"})
    tracker.retune_run("p", "y", **{"driftune.family": "lightgbm"})
    assert tracker.experience("p").recall("lightgbm") == []


def test_a_store_that_is_away_teaches_nothing_and_fails_nothing(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    memory = Tracker("http://127.0.0.1:9").experience("p", "r")
    assert memory.recall("lightgbm") == []
    memory.keep(study("a"))
