"""Observations, decisions and the queue: once each, whoever writes at the same time."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from threading import Barrier

import pytest

from driftune.errors import ServiceUnavailable, UsageError
from driftune.ledger import DecisionRow, Ledger, ObservationRow, PromotionRow, RetuneRow

WRITERS, WRITES = 4, 25


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def observation(batch, *, problem="p", bytes_of=""):
    key = sha256(f"{problem}{batch}{bytes_of}".encode()).hexdigest()
    return ObservationRow(
        key=key, problem=problem, batch=batch, sequence=0, data_version="v", champion_version=1,
        status="ok", value=1.0, low=0.9, high=1.1, details={},
    )  # fmt: skip


def decision(reason, retune=None):
    return DecisionRow(
        outcome="queued" if retune else "no_drift", trigger=None, breach=False, reason=reason,
        retune_id=retune, policy="x",
    )  # fmt: skip


def queued(name, problem="p"):
    return RetuneRow(
        id=name, problem=problem, trigger="drift", reason="r", status="queued", details={}
    )


def write_many(url, writer):
    ledger = Ledger(url)
    for number in range(WRITES):
        ledger.record(observation(f"{writer}-{number}"), decision("first"), queued(f"{writer}"))
        ledger.request_retune(f"{writer}-{number}", "q", trigger="manual", reason="r")


def race(url, name):
    row = Ledger(url).record(observation("week"), decision(name), queued(name))
    return row.decision.reason


def test_a_batch_keeps_its_first_decision(url):
    ledger = Ledger(url)
    ledger.record(observation("week"), decision("first"))
    again = ledger.record(observation("week"), decision("second"), queued("r"))
    assert again.decision.reason == "first"
    assert [row.decision.reason for row in ledger.observations("p")] == ["first"]
    assert ledger.open_retunes("p") == []  # the second one asked for it


def test_other_bytes_of_the_same_batch_change_nothing(url):
    ledger = Ledger(url)
    ledger.record(observation("week", bytes_of="a"), decision("first"))
    again = ledger.record(observation("week", bytes_of="b"), decision("second"))
    assert again.decision.reason == "first"


def test_of_two_threads_that_decide_at_once_one_is_first(url):
    Ledger(url)
    barrier = Barrier(2)

    def decide(name):
        barrier.wait()
        return race(url, name)

    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(decide, ["a", "b"]))
    assert heard[0] == heard[1]
    assert [row.id for row in Ledger(url).open_retunes("p")] == heard[:1]


def test_the_queue_takes_a_retune_once(url):
    ledger = Ledger(url)
    first = ledger.request_retune("r", "p", trigger="drift", reason="first", through="week")
    again = ledger.request_retune("r", "p", trigger="manual", reason="second")
    assert (again.reason, again.through, again.requested_at) == (
        "first", "week", first.requested_at,
    )  # fmt: skip
    ledger.set_retune("r", "promoted", version=3)
    assert ledger.request_retune("r", "p", trigger="manual", reason="x").status == "promoted"
    assert ledger.open_retunes("p") == []


def test_what_failed_or_was_left_to_another_waits_again_when_asked_for_again(url):
    ledger = Ledger(url)
    for name in ("failed", "merged_into", "promoted", "awaiting_approval"):
        ledger.request_retune(name, "p", trigger="drift", reason="x")
        ledger.set_retune(name, name, announced_at="yesterday")
        ledger.request_retune(name, "p", trigger="manual", reason="x")
    assert {row.id for row in ledger.open_retunes("p")} == {"failed", "merged_into"}
    assert ledger.retune("merged_into").merged_into is None


def test_a_decision_while_a_retune_runs_is_merged_into_it(url):
    ledger = Ledger(url)
    ledger.request_retune("first", "p", trigger="drift", reason="x")
    with ledger.lease("p") as lease:
        ledger.set_retune("first", "running", lease=lease)
        row = ledger.record(observation("week"), decision("worse.", "second"), queued("second"))
        other = ledger.record(
            observation("week", problem="q"), decision("worse.", "other"), queued("other", "q")
        )
    assert row.decision.outcome == "merged_into"
    assert ledger.observation("p", "week").decision.reason == "worse. The retune first is running."
    assert ledger.retune("second").merged_into == "first"
    assert other.decision.outcome == "queued"  # another problem is not blocked


def test_a_decision_after_the_death_of_an_owner_waits_for_its_own_turn(url):
    ledger = Ledger(url)
    ledger.request_retune("first", "p", trigger="drift", reason="x")
    ledger.set_retune("first", "running")  # nobody holds the lease
    row = ledger.record(observation("week"), decision("worse", "second"), queued("second"))
    assert row.decision.outcome == "queued"


def test_a_search_is_not_left_to_a_mere_recall(url):
    ledger = Ledger(url)
    recall = ledger.request_retune("recall", "p", trigger="recall", reason="x")
    recall.action = "recall"
    search = ledger.request_retune("search", "p", trigger="drift", reason="x")
    assert ledger.merge_retune(search, recall) is False
    assert ledger.merge_retune(recall, search) is True
    assert [row.id for row in ledger.open_retunes("p")] == ["search"]


def test_details_add_up_and_attempts_count(url):
    ledger = Ledger(url)
    ledger.request_retune("r", "p", trigger="drift", reason="x")
    for details in ({"a": 1}, {"b": 2}):
        ledger.set_retune("r", "running", **details)
    ledger.set_retune("r", "failed", error="e")
    assert ledger.retune("r").finished_at is not None
    row = ledger.set_retune("r", "running")
    assert (row.attempts, row.finished_at) == (2, None)
    assert row.details == {"a": 1, "b": 2, "error": "e"}


def test_refused_batches_are_no_training_data(url):
    ledger = Ledger(url)
    bad = observation("week_2")
    bad.status = "invalid_data"
    for number, row in enumerate([observation("week_1"), bad, observation("week_3")]):
        row.sequence = number
        ledger.record(row, decision("x"))
    assert ledger.accepted_batches("p") == ["week_1", "week_3"]


def test_a_promotion_of_a_retune_is_written_once(url):
    ledger = Ledger(url)
    for reason in ("first", "second"):
        row = PromotionRow(
            problem="p", version=2, previous=1, kind="promotion", reason=reason, retune_id="r"
        )
        assert ledger.record_promotion(row).reason == "first"
    assert len(ledger.promotions("p")) == 1


def test_rollbacks_without_a_retune_are_all_kept(url):
    ledger = Ledger(url)
    for version in (1, 2):
        ledger.record_promotion(
            PromotionRow(problem="p", version=version, kind="rollback", reason="x")
        )
    assert [row.version for row in ledger.promotions("p")] == [1, 2]


def test_times_come_back_in_utc(url):
    ledger = Ledger(url)
    ledger.request_retune("r", "p", trigger="drift", reason="x")
    assert ledger.retune("r").requested_at.utcoffset().total_seconds() == 0


def test_four_processes_on_one_file_lose_nothing(url):
    with ProcessPoolExecutor(WRITERS, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [url] * WRITERS, range(WRITERS)))
        heard = list(pool.map(race, [url] * WRITERS, "abcd"))
    ledger = Ledger(url)
    seen = {row.batch for row in ledger.observations("p")}
    assert seen == {f"{w}-{n}" for w in range(WRITERS) for n in range(WRITES)} | {"week"}
    assert len(ledger.open_retunes("q")) == WRITERS * WRITES
    assert len(set(heard)) == 1


@pytest.mark.parametrize("url", ["ledger.db", "nonsense://x/y"])
def test_a_url_that_is_none_names_its_setting(url):
    with pytest.raises(UsageError, match="DRIFTUNE_LEDGER_URL"):
        Ledger(url)


def test_a_database_that_cannot_be_opened_names_its_setting(tmp_path):
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(ServiceUnavailable, match="DRIFTUNE_LEDGER_URL"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_a_password_is_not_told():
    with pytest.raises(ServiceUnavailable) as caught:
        Ledger("postgresql+psycopg://me:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_text("not a database, but long enough to look at " * 50)
    with pytest.raises(ServiceUnavailable, match=r"ledger\.db"):
        Ledger(f"sqlite:///{path}")
