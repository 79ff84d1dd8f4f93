"""A change of champion is made once, to the end, and by whoever may."""

import threading
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from driftune import loop
from driftune.errors import ChampionChanged, DriftuneError, LeaseLost, ServiceUnavailable
from driftune.loop.succession import settle, succession
from driftune.promotion.registry import CHAMPION, PREVIOUS, Registry

KILLED = SystemExit  # no handler of ours catches it


@pytest.fixture
def served(shop):
    """Version 1 serves, version 3 did before."""
    for version in (3, 1):
        with succession(shop.project, shop.settings) as change:
            change.change(version, kind="promotion", reason="x")
    return shop


def aliases(shop):
    return shop.registry.version_of(CHAMPION), shop.registry.version_of(PREVIOUS)


def agree(shop):
    """Whether aliases and ledger tell the same story."""
    last = shop.ledger.promotions("shop")[-1]
    return aliases(shop) == (last.version, last.previous) and shop.registry.announced() is None


def kill_at(patch, shop, moment):
    """Let the next change die at one moment of its way."""
    client = type(shop.registry.client)
    write = client.set_registered_model_alias

    def set_alias(self, name, alias, version):
        if moment == f"before {alias}":
            raise KILLED
        write(self, name, alias, version)

    patch.setattr(client, "set_registered_model_alias", set_alias)
    if moment == "before the announcement":
        patch.setattr(Registry, "announce", dies)
    if moment == "before the ledger":
        promote = Registry.promote
        patch.setattr(Registry, "promote", lambda *args: dies(promote(*args)))
    if moment == "before it is forgotten":
        patch.setattr(Registry, "forget_announcement", dies)


def dies(*_):
    raise KILLED


MOMENTS = [
    "before the announcement",
    "before previous",
    "before champion",
    "before the ledger",
    "before it is forgotten",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_reconciling_ends_it(served, monkeypatch, moment):
    with monkeypatch.context() as patch, suppress(KILLED):
        kill_at(patch, served, moment)
        with succession(served.project, served.settings) as change:
            change.change(2, kind="promotion", reason="better", retune_id="r2")
    assert served.registry.version_of(CHAMPION) in (1, 2)  # never a moment without
    before = len(settle(served.project, served.settings))
    expected = (1, 3) if moment == "before the announcement" else (2, 1)
    assert aliases(served) == expected
    assert agree(served)
    assert settle(served.project, served.settings) == []
    finished = moment not in ("before the announcement", "before it is forgotten")
    assert before == finished
    if expected == (2, 1):
        last = served.ledger.promotions("shop")[-1]
        assert (last.reason, last.retune_id, last.kind) == ("better", "r2", "promotion")
    assert len(served.ledger.promotions("shop")) == (2 if expected == (1, 3) else 3)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_the_same_call_again_ends_it(served, monkeypatch, moment):
    def promote():
        with succession(served.project, served.settings) as change:
            change.change(2, kind="promotion", reason="better", retune_id="r2")

    with monkeypatch.context() as patch, suppress(KILLED):
        kill_at(patch, served, moment)
        promote()
    promote()
    assert aliases(served) == (2, 1)
    assert agree(served)
    assert len(served.ledger.promotions("shop")) == 3


def test_a_rollback_after_a_kill_finishes_the_promotion_and_takes_it_back(served, monkeypatch):
    with monkeypatch.context() as patch, suppress(KILLED):
        kill_at(patch, served, "before champion")
        with succession(served.project, served.settings) as change:
            change.change(2, kind="promotion", reason="better")
    assert loop.roll_back(served.project, served.settings) == (1, 2)
    kinds = [(row.kind, row.version) for row in served.ledger.promotions("shop")]
    assert kinds[-2:] == [("promotion", 2), ("rollback", 1)]
    assert agree(served)


def test_a_revived_owner_writes_nothing(served):
    stale = served.ledger.lease("shop", owner="paused", seconds=60)
    stale.release()
    assert served.ledger.lease("shop", owner="new")
    with pytest.raises(LeaseLost), succession(served.project, served.settings, lease=stale) as c:
        c.change(2, kind="promotion", reason="x")
    assert aliases(served) == (1, 3)
    assert agree(served)


def test_nobody_takes_the_lease_between_its_check_and_the_alias(served, monkeypatch):
    """Sources of a split: check, pause, takeover, write. The check is in the same transaction."""
    mine = served.ledger.lease("shop", owner="mine", seconds=0.05)  # runs out at once
    taken = threading.Event()
    write = Registry.promote

    def slow(self, version):
        taker.start()
        assert not taken.wait(1)  # the takeover waits for our transaction
        return write(self, version)

    def take():
        served.ledger.lease("shop", owner="thief")
        taken.set()

    taker = threading.Thread(target=take)
    monkeypatch.setattr(Registry, "promote", slow)
    with succession(served.project, served.settings, lease=mine) as change:
        change.change(2, kind="promotion", reason="x")
    taker.join(10)
    assert taken.is_set()
    assert agree(served)


def test_of_two_changes_at_once_the_second_sees_the_first(served):
    refused = []

    def promote(version):
        try:
            with succession(served.project, served.settings) as change:
                change.change(version, kind="promotion", reason="x", instead_of=1)
        except ChampionChanged as error:
            refused.append(str(error))

    threads = [threading.Thread(target=promote, args=(version,)) for version in (2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1
    assert "version 1" in refused[0]
    assert agree(served)
    assert aliases(served)[1] == 1


def test_an_alias_that_somebody_moved_by_hand_is_put_on_record(served):
    served.registry.client.set_registered_model_alias("shop", CHAMPION, "4")
    (said,) = settle(served.project, served.settings)
    assert "version 4" in said
    last = served.ledger.promotions("shop")[-1]
    assert (last.version, last.previous) == (4, 1)
    assert settle(served.project, served.settings) == []


def full(*_):
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def test_a_ledger_that_cannot_write_is_named_and_nothing_moves(served, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("driftune.loop.succession.Succession._record", full)
        with (
            pytest.raises(ServiceUnavailable, match=r"ledger.*disk is full"),
            succession(served.project, served.settings) as change,
        ):
            change.change(2, kind="promotion", reason="better")
    assert aliases(served) == (1, 3)
    assert settle(served.project, served.settings) == []


def test_a_ledger_that_cannot_commit_is_named_and_the_change_is_finished(served, monkeypatch):
    promote = Registry.promote
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "promote", lambda *args: full(promote(*args)))
        with (
            pytest.raises(ServiceUnavailable, match=r"ledger.*disk is full"),
            succession(served.project, served.settings) as change,
        ):
            change.change(2, kind="promotion", reason="better")
    assert served.registry.version_of(CHAMPION) == 2
    assert len(settle(served.project, served.settings)) == 1
    assert agree(served)


def test_a_problem_without_a_model_has_nothing_to_settle(project):
    settings = project.settings("tiny")
    assert settle(project, settings) == []
    with pytest.raises(DriftuneError, match="no champion"):
        loop.roll_back(project, settings)
