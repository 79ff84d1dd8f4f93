"""The queue of retunes: one at a time, each once, whatever order the bell rings in."""

import pytest

from driftune import loop
from driftune.ledger import Ledger, tables


@pytest.fixture
def settings(project):
    return project.settings("tiny")


def ask(project, *names, **options):
    for name in names:
        project.ledger.request_retune(name, "tiny", trigger="drift", reason="x", **options)


def ring(project, settings, name, *, end="promoted"):
    """What the retune flow does on an event, with steps that take no time."""
    with loop.claim(project, settings, name) as run:
        if run is not None:
            project.ledger.set_retune(name, end, lease=run.lease)
    return run is not None


def statuses(project):
    return {row.id: row.status for row in project.ledger.retunes("tiny")}


def test_an_older_request_is_left_to_the_newer_one_in_whatever_order_they_are_called(
    project, settings
):
    ask(project, "older", "newer")
    assert [ring(project, settings, name) for name in ("older", "newer", "older", "newer")] == [
        False, True, False, False,
    ]  # fmt: skip
    assert statuses(project) == {"older": "merged_into", "newer": "promoted"}


def test_what_has_ended_is_not_begun_again_by_its_late_event(project, settings):
    for end in ("promoted", "refused", "rejected", "failed", "awaiting_approval", "shadow"):
        ask(project, end)
        assert ring(project, settings, end, end=end)
        assert not ring(project, settings, end)


def test_who_waited_for_the_lease_looks_again_before_it_begins(project, settings, monkeypatch):
    """Another process does the retune between our first look and our lease."""
    ask(project, "r")
    take = Ledger.lease

    def late(ledger, *arguments, **options):
        monkeypatch.setattr(Ledger, "lease", take)
        assert ring(project, settings, "r")
        return ledger.lease(*arguments, **options)

    monkeypatch.setattr(Ledger, "lease", late)
    assert not ring(project, settings, "r")
    assert project.ledger.retune("r").attempts == 1


@pytest.mark.parametrize("waits", ["awaiting_approval", "shadow"])
def test_a_challenger_that_waits_blocks_nothing_and_is_superseded(project, settings, waits):
    ask(project, "earlier")
    ring(project, settings, "earlier", end=waits)
    ask(project, "refused")
    ring(project, settings, "refused", end="refused")
    assert project.ledger.retune("earlier").status == waits  # still the best there is
    ask(project, "later")
    assert ring(project, settings, "later", end="awaiting_approval")
    assert project.ledger.retune("earlier").merged_into == "later"


def test_the_one_that_is_announced_is_announced_once(project, settings):
    ask(project, "r")
    assert [row.id for row in loop.due_retunes(project, settings)] == ["r"]
    at = tables.now().isoformat()
    project.ledger.set_retune("r", "queued", announced_at=at)
    assert loop.due_retunes(project, settings) == []
    with loop.claim(project, settings, "r"):
        assert loop.due_retunes(project, settings) == []
    assert project.ledger.retune("r").status == "running"  # as after a kill: nobody holds it now
    assert [row.id for row in loop.due_retunes(project, settings)] == ["r"]
