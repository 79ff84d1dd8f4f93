"""The right to retune: one owner, an expiry, and no word for an owner who comes back late."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from threading import Barrier

import pytest

from driftune.errors import LeaseLost
from driftune.ledger import Ledger, PromotionRow, machine, tables
from driftune.ledger import lease as lease_module

SHORT = 0.3  # seconds


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.request_retune("r", "p", trigger="manual", reason="x")
    return ledger


@pytest.fixture
def revived(ledger):
    """A lease whose owner slept until another one took over."""
    lease = ledger.lease("p", owner="sleeper", seconds=SHORT)
    time.sleep(SHORT + 0.05)
    assert ledger.lease("p", owner="heir") is not None
    return lease


def test_one_owner_at_a_time(ledger):
    lease = ledger.lease("p", owner="a")
    assert ledger.is_leased("p")
    assert ledger.lease("p", owner="b") is None
    lease.release()
    assert not ledger.is_leased("p")
    assert ledger.lease("p", owner="b").token > lease.token


def test_the_same_process_waits_for_itself_too(ledger):
    assert ledger.lease("p") is not None
    assert ledger.lease("p") is None


def test_other_problems_are_not_blocked(ledger):
    assert ledger.lease("p") is not None
    assert ledger.lease("q") is not None


def test_of_many_first_owners_one_gets_it(ledger):
    barrier = Barrier(8)

    def take(owner):
        barrier.wait()
        return ledger.lease("new", owner=str(owner))

    with ThreadPoolExecutor(8) as pool:
        leases = [lease for lease in pool.map(take, range(8)) if lease]
    assert len(leases) == 1


def test_it_expires_and_is_taken_over(ledger):
    ledger.lease("p", owner="a", seconds=SHORT)
    assert ledger.lease("p", owner="b") is None
    time.sleep(SHORT + 0.05)
    assert not ledger.is_leased("p")
    assert ledger.lease("p", owner="b").token == 2


def test_who_comes_back_late_changes_no_retune(ledger, revived):
    with pytest.raises(LeaseLost):
        ledger.set_retune("r", "promoted", lease=revived)
    assert ledger.retune("r").status == "queued"


def test_who_comes_back_late_promotes_nothing(ledger, revived):
    row = PromotionRow(problem="p", version=1, kind="promotion", reason="x", retune_id="r")
    with pytest.raises(LeaseLost):
        ledger.record_promotion(row, lease=revived)
    assert ledger.promotions("p") == []


def test_who_comes_back_late_can_neither_renew_nor_release(ledger, revived):
    with pytest.raises(LeaseLost):
        revived.renew()
    revived.release()
    assert ledger.is_leased("p")


def test_a_lease_of_the_same_owner_with_an_old_token_is_refused(ledger):
    old = ledger.lease("p", owner="a", seconds=SHORT)
    time.sleep(SHORT + 0.05)
    assert ledger.lease("p", owner="a") is not None
    with pytest.raises(LeaseLost):
        old.renew()


def test_a_block_keeps_it_and_gives_it_back(ledger):
    with ledger.lease("p", seconds=SHORT) as lease:
        time.sleep(3 * SHORT)
        assert ledger.lease("p", owner="b") is None
        ledger.set_retune("r", "running", lease=lease)
    assert ledger.lease("p", owner="b") is not None


def test_a_block_that_fails_gives_it_back(ledger):
    with pytest.raises(ZeroDivisionError), ledger.lease("p"):
        _ = 1 / 0
    assert not ledger.is_leased("p")


def clock(monkeypatch, *, wall=timedelta(0), boot=None):
    """Set the wall clock this far off; ``boot``: be on another machine, or after a reboot."""
    monkeypatch.setattr(lease_module, "now", lambda: tables.now() + wall)
    if boot:
        monkeypatch.setattr(lease_module, "boot", lambda: boot)


@pytest.mark.skipif(machine.boot() is None, reason="the clock since boot is Linux's")
@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_setting_the_clock_takes_no_lease_and_prolongs_none(ledger, monkeypatch, jump):
    ledger.lease("p", owner="a", seconds=SHORT)
    clock(monkeypatch, wall=jump)
    assert ledger.lease("p", owner="b") is None
    time.sleep(SHORT + 0.05)
    assert ledger.lease("p", owner="b") is not None


def test_a_clock_set_back_keeps_no_dead_owner_of_another_machine_for_ever(ledger, monkeypatch):
    ledger.lease("p", owner="a")
    clock(monkeypatch, boot="another")
    assert ledger.lease("p", owner="b") is None
    clock(monkeypatch, boot="another", wall=timedelta(days=-400))
    assert ledger.lease("p", owner="b") is not None


def die_with_the_lease(url):
    assert Ledger(url).lease("p") is not None
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(machine.boot() is None, reason="needs /proc")
def test_who_was_killed_on_this_machine_is_succeeded_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = Ledger(url)
    killed = get_context("spawn").Process(target=die_with_the_lease, args=(url,))
    killed.start()
    killed.join()
    assert not ledger.is_leased("p")
    assert [problem for problem, _ in ledger.release_dead()] == ["p"]
    assert ledger.release_dead() == []
    assert ledger.lease("p") is not None


def test_a_dead_lease_that_was_freed_is_no_word_for_who_comes_back(ledger):
    old = ledger.lease("p", owner="sleeper", seconds=SHORT)
    time.sleep(SHORT + 0.05)
    assert ledger.release_dead() == [("p", "sleeper")]
    with pytest.raises(LeaseLost):
        old.renew()
