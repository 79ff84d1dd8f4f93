"""The ledger knows how long a retune took, and says nothing where that would mislead."""

from datetime import UTC, datetime, timedelta

import pytest

from driftune.ledger import Ledger, effort


class Clock:
    def __init__(self):
        self.time = datetime(2013, 5, 1, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_(self, seconds):
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(effort, "now", clock)
    return clock


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.request_retune("r", "p", trigger="drift", reason="x")
    return ledger


def work(ledger, clock, seconds, *, end):
    """One owner's turn; ``end`` is None where it is killed."""
    lease = ledger.lease("p")
    ledger.set_retune("r", "running", lease=lease)
    clock.pass_(seconds)
    ledger.set_retune("r", "running", lease=lease, best_params={})
    if end:
        ledger.set_retune("r", end, lease=lease)
    lease.release()


@pytest.mark.parametrize("end", ["promoted", "refused", "awaiting_approval", "shadow"])
def test_from_its_beginning_to_the_verdict_without_the_time_in_the_queue(ledger, clock, end):
    clock.pass_(9999)
    work(ledger, clock, 360, end=end)
    assert ledger.retune("r").details["seconds"] == 360


def test_the_wait_for_approval_is_no_work(ledger, clock):
    work(ledger, clock, 360, end="awaiting_approval")
    clock.pass_(86400)
    ledger.set_retune("r", "promoted", approved_by="you")
    ledger.set_retune("r", "promoted", lease=ledger.lease("p"))
    assert ledger.retune("r").details["seconds"] == 360


@pytest.mark.parametrize("interruption", [None, "failed", "queued"])
def test_one_that_was_interrupted_says_nothing(ledger, clock, interruption):
    work(ledger, clock, 100, end=interruption)
    clock.pass_(9999)
    ledger.request_retune("r", "p", trigger="drift", reason="x")
    work(ledger, clock, 50, end="promoted")
    assert ledger.retune("r").status == "promoted"
    assert "seconds" not in ledger.retune("r").details


@pytest.mark.parametrize("end", ["failed", "merged_into"])
def test_one_that_did_not_get_to_its_verdict_says_nothing(ledger, clock, end):
    work(ledger, clock, 100, end=end)
    assert "seconds" not in ledger.retune("r").details
