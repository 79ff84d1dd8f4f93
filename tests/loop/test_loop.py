"""The loop on 300 flights a week: a first champion, the drift of week 17, a retune, a rollback."""

import shutil
import time

import optuna
import pandas as pd
import pytest

from driftune import loop
from driftune.errors import DriftuneError
from driftune.ledger.ledger import INVALID
from driftune.promotion.registry import CHAMPION, PREVIOUS
from driftune.reporting import write_report
from driftune.tracking import Tracker

SMALL = {"budget": {"max_trials": 3, "max_seconds": None}}
KEYS = ["flight", "tailnum", "scheduled_departure", "origin", "dest"]


def small(project):
    """The problem ``tiny`` with three trials for each search."""
    settings = project.settings("tiny")
    return settings.model_copy(update={"tuning": settings.tuning_with(SMALL)})


def trials(project):
    storage = optuna.storages.RDBStorage(project.study_storage)
    return sum(study.n_trials for study in optuna.get_all_study_summaries(storage))


def state(project):
    """All that a needless retune would change."""
    registry = project.registry("tiny")
    return registry.versions(), registry.version_of(CHAMPION), trials(project)


@pytest.fixture(scope="module")
def first(module_project):
    """The first retune of a project."""
    settings = small(module_project)
    row = loop.retune(module_project, settings, trigger="first", reason="x", tuning=SMALL)
    return module_project, settings, row


@pytest.fixture(scope="module")
def watched(first):
    """Weeks 13 to 20, one of which is broken, up to the first that asks for a retune."""
    project, settings, _ = first
    broken = settings.batch_files()["week_15"]
    rows = pd.read_parquet(broken)
    rows.assign(distance=-5).to_parquet(broken, index=False)
    seen = list(loop.watch(project, settings))
    return project, settings, seen


@pytest.fixture(scope="module")
def retuned(watched):
    """The retune that the drift asked for, killed once on its way."""
    project, settings, seen = watched
    wanted = seen[-1].decision.retune_id
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Retune, "train", killed)
        with pytest.raises(SystemExit):
            loop.carry_out(project, settings, wanted, tuning=SMALL)
    stopped = project.ledger.retune(wanted).status, trials(project)
    row = loop.carry_out(project, settings, wanted)
    return project, settings, row, stopped


def killed(*_):
    raise SystemExit("killed")


@pytest.fixture
def copy(retuned, tmp_path, monkeypatch):
    """The retuned project in a folder of the test's own, to spoil; MLflow's files stay shared."""
    project, *_ = retuned
    folder = tmp_path / "project"
    shutil.copytree(project.root, folder, symlinks=True, ignore=shutil.ignore_patterns("cache"))
    monkeypatch.setenv("DRIFTUNE_PROJECT", str(folder))
    monkeypatch.chdir(folder)
    own = type(project)(folder)
    return own, small(own)


@pytest.mark.slow  # the fixtures behind it import everything and run a whole retune
def test_the_first_model_is_promoted(first):
    project, _, row = first
    assert row.status == "promoted"
    assert row.details["verdict"]["promoted"] is True
    assert project.registry("tiny").version_of(CHAMPION) == row.details["version"] == 1
    (promotion,) = project.ledger.promotions("tiny")
    assert (promotion.version, promotion.previous, promotion.retune_id) == (1, None, row.id)
    assert not project.ledger.is_leased("tiny")


def test_the_search_never_saw_the_rows_of_the_gate(first):
    project, _, _ = first
    search = project.load_dataset("search_rows", problem="tiny")
    promotion = project.load_dataset("promotion_rows", problem="tiny")
    assert len(search) > len(promotion) > 200
    assert search["scheduled_departure"].max() < promotion["scheduled_departure"].min()
    assert search.merge(promotion, on=KEYS).empty


def test_each_batch_has_one_decision_and_the_drift_is_seen_in_time(watched):
    project, settings, seen = watched
    batches = [row.batch for row in seen]
    assert batches == [f"week_{week}" for week in range(13, 13 + len(seen))]
    assert batches[-1] in {"week_18", "week_19"}
    outcomes = {row.batch: row.decision.outcome for row in seen}
    assert outcomes.pop(batches[-1]) == "queued"
    assert "queued" not in outcomes.values()
    assert [row.batch for row in project.ledger.observations("tiny")] == batches
    assert loop.pending_batches(project, settings) == [
        f"week_{week}" for week in range(13 + len(seen), 21)
    ]


def test_a_batch_that_was_decided_keeps_its_decision(watched):
    project, settings, seen = watched
    again = loop.watch_batch(project, settings, "week_14")
    assert again.decision.at == seen[1].decision.at


def test_a_broken_batch_is_an_alert_and_nothing_more(watched):
    project, _, seen = watched
    broken = seen[2]
    assert (broken.batch, broken.status, broken.decision.outcome) == ("week_15", INVALID, "alert")
    assert broken.decision.retune_id is None
    assert "distance" in broken.decision.reason
    assert "week_15" not in project.ledger.accepted_batches("tiny")


@pytest.mark.slow  # a whole retune
def test_a_killed_retune_is_taken_up_where_it_stood(retuned):
    project, _, row, (status, trials_then) = retuned
    assert status == "running"
    assert row.status in {"promoted", "refused"}
    assert row.attempts == 1  # the first one goes on; a failure would count again
    assert trials(project) == trials_then == 6
    assert project.registry("tiny").versions() == [1, 2]


def test_the_drifted_rows_were_learned_from_and_the_broken_ones_not(retuned):
    project, _, row, _ = retuned
    through = row.through
    tags = project.registry("tiny").tags(row.details["version"])
    assert tags["driftune.batches"] == f"initial..{through}"
    assert (
        tags["driftune.data_version"] != project.registry("tiny").tags(1)["driftune.data_version"]
    )
    rows = project.load_dataset("search_rows", problem="tiny")
    assert (rows["distance"] > 0).all()
    assert rows["scheduled_departure"].dt.day_of_year.max() > 17 * 7 - 7


def test_the_challenger_is_judged_on_rows_newer_than_all_that_it_learned_from(retuned):
    project, _, row, _ = retuned
    search = project.load_dataset("search_rows", problem="tiny")
    promotion = project.load_dataset("promotion_rows", problem="tiny")
    assert search["scheduled_departure"].max() < promotion["scheduled_departure"].min()
    assert search.merge(promotion, on=KEYS).empty
    verdict = row.details["verdict"]
    assert verdict["rows"] == len(promotion)
    assert verdict["champion_score"] is not None
    assert (row.status == "promoted") == verdict["promoted"]


def test_the_same_retune_again_does_nothing_and_at_once(retuned):
    project, settings, row, _ = retuned
    before = state(project)
    began = time.process_time()
    again = loop.carry_out(project, settings, row.id)
    assert time.process_time() - began < 1  # seconds
    assert (again.status, again.finished_at) == (row.status, row.finished_at)
    assert loop.retune(project, settings, tuning=SMALL).id == row.id
    assert state(project) == before


def test_every_retune_is_one_finished_run_with_its_trials(retuned):
    project, _, _, _ = retuned
    tracker = Tracker(project.tracking_uri)
    assert tracker.running("tiny") == []
    runs = tracker.client.search_runs([tracker.experiment("tiny")])
    parents = [run for run in runs if "driftune.retune_id" in run.data.tags]
    assert len(parents) == 2
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(children) == 6
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED", "KILLED"}


def test_a_retune_leaves_to_the_running_one(copy):
    project, settings = copy
    project.ledger.request_retune("running", "tiny", trigger="x", reason="x")
    with loop.claim(project, settings, "running") as run:
        assert run is not None
        project.ledger.request_retune("late", "tiny", trigger="x", reason="x")
        assert loop.carry_out(project, settings, "running").status == "running"
        late = loop.carry_out(project, settings, "late")
        assert (late.status, late.merged_into) == ("merged_into", "running")
        assert loop.due_retunes(project, settings) == []


def test_an_error_goes_on_record_and_frees_the_problem(copy):
    project, settings = copy
    project.ledger.request_retune("r", "tiny", trigger="x", reason="x")
    with pytest.raises(DriftuneError, match="full"), loop.claim(project, settings, "r"):
        raise DriftuneError("disk full")
    row = project.ledger.retune("r")
    assert row.status == "failed"
    assert "disk full" in row.details["error"]
    assert not project.ledger.is_leased("tiny")


def test_a_retune_of_older_data_that_died_is_not_taken_up_after_a_newer_one(copy):
    project, settings = copy
    project.ledger.request_retune("old", "tiny", trigger="x", reason="x", through="week_14")
    project.ledger.set_retune("old", "running")
    project.ledger.request_retune("new", "tiny", trigger="x", reason="x", through="week_16")
    with loop.claim(project, settings, "new"):
        pass
    old = project.ledger.retune("old")
    assert (old.status, old.merged_into) == ("merged_into", "new")


def test_a_kill_between_promotion_and_its_record_keeps_the_evidence(copy, monkeypatch):
    project, settings = copy
    registry = project.registry("tiny")
    version = registry.versions()[-1]
    loop_promotions = len(project.ledger.promotions("tiny"))
    registry.promote(1)
    project.ledger.request_retune("r", "tiny", trigger="x", reason="x", through="week_14")
    with loop.claim(project, settings, "r") as run:
        verdict = run.judge(version)
        registry.promote(version)  # and here the process died
    with loop.claim(project, settings, "r") as run:
        again = run.judge(version)
        assert again == verdict
        assert again.champion_score is not None
        run.conclude(version, again)
    assert len(project.ledger.promotions("tiny")) == loop_promotions + verdict.promoted


def test_a_rollback_swaps_and_is_on_record(copy):
    project, settings = copy
    registry = project.registry("tiny")
    registry.promote(1)
    registry.promote(2)
    assert loop.roll_back(project, settings, "worse on Mondays") == (1, 2)
    assert (registry.version_of(CHAMPION), registry.version_of(PREVIOUS)) == (1, 2)
    last = project.ledger.promotions("tiny")[-1]
    assert (last.kind, last.version, last.previous, last.reason) == (
        "rollback", 1, 2, "worse on Mondays",
    )  # fmt: skip


def test_reconciling_closes_what_was_forgotten_and_then_finds_nothing(copy):
    project, settings = copy
    assert loop.reconcile(project, settings) == []
    tracker = Tracker(project.tracking_uri, project.state / "mlartifacts")
    forgotten = tracker.retune_run("tiny", "nobody-knows")
    for name in ("older", "newer"):
        project.ledger.request_retune(name, "tiny", trigger="x", reason="x")
    waiting = tracker.retune_run("tiny", "newer")
    assert len(loop.reconcile(project, settings)) == 2
    assert tracker.client.get_run(forgotten).info.status == "FAILED"
    assert tracker.client.get_run(waiting).info.status == "RUNNING"
    assert project.ledger.retune("older").merged_into == "newer"
    assert [row.id for row in loop.due_retunes(project, settings)] == ["newer"]
    assert loop.reconcile(project, settings) == []


def watch_odd(project, settings, change):
    """Let a changed copy of week 13 arrive and decide about it."""
    rows = pd.read_parquet(settings.batch_files()["week_13"])
    path = settings.batches / "week_99.parquet"
    change(rows).to_parquet(path, index=False)
    return loop.watch_batch(project, settings, "week_99")


@pytest.mark.parametrize("column", ["carrier", "tailnum", "departure_minute"])
def test_a_batch_without_a_feature_is_an_alert(copy, column):
    row = watch_odd(*copy, lambda rows: rows.drop(columns=column))
    assert (row.status, row.decision.outcome) == (INVALID, "alert")
    assert repr(column) in row.decision.reason


def test_a_batch_with_text_for_numbers_is_an_alert(copy):
    row = watch_odd(*copy, lambda rows: rows.assign(departure_minute="noon"))
    assert (row.status, row.decision.outcome) == (INVALID, "alert")
    assert "departure_minute" in row.decision.reason


def test_an_empty_batch_is_an_alert_and_the_next_is_decided(copy):
    project, settings = copy
    assert watch_odd(project, settings, lambda rows: rows.head(0)).decision.outcome == "alert"
    assert "week_99" not in loop.pending_batches(project, settings)
    report = write_report(project, settings)  # refused batches do not break the report
    assert "week_99" in report.read_text(encoding="utf-8")


def test_two_watchers_never_work_on_one_problem(copy):
    project, settings = copy
    waiting = loop.pending_batches(project, settings)
    assert waiting
    with loop.watching(project, settings) as mine, loop.watching(project, settings) as theirs:
        assert (mine, theirs) == (waiting, [])
    with loop.watching(project, settings) as later:
        assert later == waiting


def test_a_retune_that_failed_starts_no_cooldown(copy):
    project, settings = copy
    changes = {"min_drop": 0.0, "k": 1, "m": 1, "cooldown": 1}

    def decide(batch, cooldown):
        policy = type(settings.policy)(**{**changes, "cooldown": cooldown})
        own = settings.model_copy(update={"policy": policy})
        rows = pd.read_parquet(own.batch_files()["week_13"])
        path = own.batches / f"{batch}.parquet"
        rows.assign(air_time=rows["air_time"] * 2).to_parquet(path, index=False)
        return loop.watch_batch(project, own, batch).decision

    asked = decide("week_97", cooldown=0)
    assert asked.outcome == "queued"
    assert decide("week_98", cooldown=1).outcome == "suppressed_cooldown"
    project.ledger.set_retune(asked.retune_id, "failed", error="the disk was full")
    assert decide("week_99", cooldown=2).outcome == "queued"


def test_a_batch_without_labels_decides_nothing(copy):
    row = watch_odd(*copy, lambda rows: rows.assign(air_time=float("nan")))
    assert row.decision.outcome == "insufficient_data"


def test_a_batch_that_is_no_table_is_an_alert(copy):
    project, settings = copy
    (settings.batches / "week_99.parquet").write_bytes(b"half a file")
    row = loop.watch_batch(project, settings, "week_99")
    assert row.decision.outcome == "alert"


def test_the_monthly_limit_of_retunes_holds(copy):
    project, settings = copy
    # Two retunes are on record this month; every batch is a breach, and there is no cooldown.
    changes = {"min_drop": 0.0, "k": 1, "m": 1, "cooldown": 0}

    def outcome(limit, batch):
        policy = type(settings.policy)(**changes, max_retunes_per_month=limit)
        own = settings.model_copy(update={"policy": policy})
        rows = pd.read_parquet(own.batch_files()["week_13"])
        path = own.batches / f"{batch}.parquet"
        rows.assign(air_time=rows["air_time"] * 2).to_parquet(path, index=False)
        return loop.watch_batch(project, own, batch).decision.outcome

    assert outcome(1, "week_97") == "alert"
    assert outcome(99, "week_98") == "queued"


def test_without_a_champion_the_watcher_says_how_to_get_one(project):
    with pytest.raises(DriftuneError, match="driftune retune tiny"):
        loop.watch_batch(project, project.settings("tiny"), "week_13")
