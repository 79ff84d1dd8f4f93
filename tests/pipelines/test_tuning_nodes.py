"""The rows of a study: in batch order, and the newest ones kept for the gate."""

import ibis
import pandas as pd
import pytest

from driftune.sampler.experience import EarlierStudy
from pipelines.datasets import read_lazily
from pipelines.tuning.nodes import collect_rows, find_newest, hold_out, search

ONLY = {"batch": "initial", "rows": None}  # no batch has arrived yet


def test_batches_are_put_together_in_order_whatever_their_number_types(tmp_path):
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame({"a": [1.5, None], "b": ["z", None]}).to_csv(tmp_path / "two.csv", index=False)
    features = {
        name: lambda name=name: read_lazily(tmp_path / f"{name}.csv") for name in ("one", "two")
    }
    rows = collect_rows(features, ["two", "one"])
    assert rows["a"].tolist()[0::2] == [1.5, 1.0]
    assert rows["b"].dropna().tolist() == ["z", "x", "y"]
    assert len(rows) == 4


def test_a_column_that_only_a_later_batch_has_is_left_out(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame({"new": [5, 5], "a": [3, 4]}).to_csv(tmp_path / "two.csv", index=False)
    features = {
        name: lambda name=name: read_lazily(tmp_path / f"{name}.csv") for name in ("one", "two")
    }
    rows = collect_rows(features, ["one", "two"])
    assert rows.to_dict("list") == {"a": [1, 2, 3, 4]}


def test_the_newest_rows_are_kept_from_the_search(module_project):
    settings = module_project.settings("tiny")
    rows = pd.read_parquet(settings.rows).sample(frac=1, random_state=0)
    search, promotion = hold_out(rows, ONLY, [ONLY["batch"]], settings)
    labelled = rows["air_time"].notna().sum()
    assert len(search) + len(promotion) == labelled
    assert search["scheduled_departure"].max() < promotion["scheduled_departure"].min()
    assert len(promotion) == pytest.approx(labelled / 5, abs=5)


def test_the_newest_batch_with_labels_is_found(module_project):
    settings = module_project.settings("tiny")
    tables = {"initial": [1.0, 2.0], "week_1": [3.0, None, 4.0], "week_2": [None, None]}
    features = {
        name: lambda rows=rows: ibis.memtable(pd.DataFrame({"air_time": pd.array(rows, "Float64")}))
        for name, rows in tables.items()
    }
    assert find_newest(features, list(tables), settings) == {"batch": "week_1", "rows": 2}
    assert find_newest(features, ["initial", "week_2"], settings) == {
        "batch": "initial", "rows": None,
    }  # fmt: skip


def test_a_study_starts_from_the_last_ones_best_and_calls_are_traced_on_its_run(project):
    settings, tracker = project.settings("tiny"), project.tracker
    rows, _ = hold_out(pd.read_parquet(settings.rows), ONLY, [ONLY["batch"]], settings)
    best = [{"params": {"learning_rate": 0.4}, "value": 1.0}]
    tracker.experience("tiny", "last").keep(EarlierStudy("tiny", "s", "lightgbm", {}, best, 0.0))
    rate = {"type": "float", "low": 0.2, "high": 0.5}
    asked = {"folds": 2, "space": {"learning_rate": rate}, "language_model": "scripted:tuner"}
    made = search(rows, settings, {**asked, "budget": {"max_trials": 6}}, None)
    started = [t["params"] for t in made["trials"] if t["source"] == "warm_start"]
    assert started == [{"learning_rate": 0.2}, {"learning_rate": 0.4}]  # the default comes first
    run = tracker.retune_run("tiny", made["study_name"])
    kept = [study.study for study in tracker.experience("tiny").recall("lightgbm")]
    assert sorted(kept) == sorted(["s", made["study_name"]])
    places = [tracker.experiment("tiny")]
    traces = tracker.client.search_traces(locations=places, run_id=run)
    assert len(traces) == made["llm_calls"] > 0
