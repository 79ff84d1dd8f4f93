"""A retune without its registry waits in the queue; when that is back, nothing is tuned again."""

import optuna
import pytest

from driftune import loop
from driftune.errors import ServiceUnavailable
from driftune.promotion.registry import CHAMPION
from driftune.tracking import client

SMALL = {"budget": {"max_trials": 3, "max_seconds": None}}


def trials(project):
    storage = optuna.storages.RDBStorage(project.study_storage)
    return sum(study.n_trials for study in optuna.get_all_study_summaries(storage))


@pytest.mark.slow  # a whole retune, one and a half times
def test_promotion_waits_for_the_registry_and_the_study_is_not_repeated(
    project, server, secret, monkeypatch
):
    monkeypatch.setattr(client, "PAUSES", (0.05, 0.05))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{secret}@127.0.0.1:{server.port}")
    settings = project.settings("tiny")
    server.stop()
    with pytest.raises(ServiceUnavailable, match="MLFLOW_TRACKING_URI") as caught:
        loop.retune(project, settings, tuning=SMALL)
    assert secret not in str(caught.getrepr(chain=True))
    (row,) = project.ledger.retunes("tiny")
    assert row.status == "queued"
    assert secret not in row.details["error"]
    assert [due.id for due in loop.due_retunes(project, settings)] == [row.id]
    assert loop.reconcile(project, settings) == []  # and it does not fail
    assert trials(project) == 3
    assert {entry.record.kind for entry in project.tracker.spool.entries()} == {
        "study",
        "experience",
    }

    server.start()
    done = loop.reconcile(project, settings)
    assert len(done) == 2
    assert project.tracker.spool.files() == []
    row = loop.retune(project, settings, tuning=SMALL)
    assert row.status == "promoted"
    assert trials(project) == 3
    assert project.registry("tiny").version_of(CHAMPION) == 1
    runs = project.tracker.client.search_runs([project.tracker.experiment("tiny")])
    (parent,) = [run for run in runs if run.data.tags.get("driftune.retune_id") == row.id]
    assert parent.info.status == "FINISHED"
    numbers = sorted(r.data.tags["driftune.trial"] for r in runs if "driftune.trial" in r.data.tags)
    assert numbers == ["0", "1", "2"]
