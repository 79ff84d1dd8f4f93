"""A challenger that waits for a person: promoted without training, or rejected with a reason."""

import json

import pytest
from typer.testing import CliRunner

from driftune import loop
from driftune.cli.app import app
from driftune.errors import DriftuneError, UsageError
from driftune.project import Project
from driftune.promotion.registry import CHALLENGER, CHAMPION, PREVIOUS


@pytest.fixture
def waiting(shop):
    """Version 1 serves; version 2 has passed the gate and waits for approval."""
    loop.judge(shop.project, shop.settings, 1)
    loop.promote(shop.project, shop.settings, 1, "the first")
    let_wait(shop, "r2", 2)
    return shop


def let_wait(shop, retune_id, version):
    from dataclasses import asdict

    shop.ledger.request_retune(retune_id, "shop", trigger="cost", reason="x", through="b")
    verdict = loop.judge(shop.project, shop.settings, version)
    settings = shop.gate(mode="approval")
    status = loop.conclude(shop.project, settings, version, verdict, retune_id=retune_id)
    shop.ledger.set_retune(retune_id, status, version=version, verdict=asdict(verdict))
    shop.registry.client.set_registered_model_alias("shop", CHALLENGER, str(version))


def test_approving_promotes_what_is_there(waiting):
    versions = waiting.registry.versions()
    own = Project(waiting.project.root)  # another process, later
    row = loop.approve(own, waiting.settings, "Ana", "looks right")
    assert row.status == "promoted"
    assert row.details["approved_by"] == "Ana"
    assert waiting.registry.version_of(CHAMPION) == 2
    assert waiting.registry.version_of(PREVIOUS) == 1
    assert waiting.registry.versions() == versions
    last = waiting.ledger.promotions("shop")[-1]
    assert last.retune_id == "r2"
    assert "Ana" in last.reason
    assert "looks right" in last.reason


def test_approving_twice_is_an_error_and_promotes_once(waiting):
    loop.approve(waiting.project, waiting.settings, "Ana")
    with pytest.raises(DriftuneError, match="promoted"):
        loop.approve(waiting.project, waiting.settings, "Ben")
    assert len(waiting.ledger.promotions("shop")) == 2


def test_rejecting_says_who_and_why_and_nothing_moves(waiting):
    row = loop.reject(waiting.project, waiting.settings, "Ben", "the summer is over")
    assert (row.status, row.details["rejected_by"]) == ("rejected", "Ben")
    assert row.details["because"] == "the summer is over"
    assert waiting.registry.version_of(CHAMPION) == 1
    assert waiting.registry.version_of(CHALLENGER) is None
    with pytest.raises(DriftuneError, match="rejected"):
        loop.approve(waiting.project, waiting.settings, "Ana")


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("Ana", " ")])
def test_a_rejection_needs_a_name_and_a_reason(waiting, by, reason):
    with pytest.raises(UsageError):
        loop.reject(waiting.project, waiting.settings, by, reason)
    assert waiting.ledger.retune("r2").status == "awaiting_approval"


def test_what_was_compared_with_another_champion_is_not_approved(waiting):
    loop.judge(waiting.project, waiting.settings, 3)
    loop.promote(waiting.project, waiting.settings, 3, "meanwhile")
    with pytest.raises(DriftuneError, match=r"version 1.*version 3 serves.*driftune promote"):
        loop.approve(waiting.project, waiting.settings, "Ana")
    assert waiting.registry.version_of(CHAMPION) == 3
    assert waiting.ledger.retune("r2").status == "awaiting_approval"


def test_a_retune_that_waits_is_not_done_again(waiting):
    with loop.claim(waiting.project, waiting.settings, "r2") as run:
        assert run is None
    assert waiting.ledger.retune("r2").status == "awaiting_approval"
    assert loop.due_retunes(waiting.project, waiting.settings) == []
    assert loop.reconcile(waiting.project, waiting.settings) == []


def test_a_newer_challenger_that_waits_supersedes_the_older_one(waiting):
    waiting.ledger.request_retune("r3", "shop", trigger="cost", reason="x", through="c")
    settings = waiting.gate(mode="approval")
    with loop.claim(waiting.project, settings, "r3") as run:
        waiting.ledger.set_retune("r3", "running", version=3)
        run.conclude(3, run.judge(3))
    assert waiting.ledger.retune("r3").status == "awaiting_approval"
    old = waiting.ledger.retune("r2")
    assert (old.status, old.merged_into) == ("merged_into", "r3")
    assert loop.approve(waiting.project, settings, "Ana").id == "r3"
    assert waiting.registry.version_of(CHAMPION) == 3


def test_promoted_by_hand_while_it_waited_it_is_closed_by_reconciling(waiting, monkeypatch):
    def dies(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("driftune.loop.approval._close", dies)  # as a kill: nothing is committed
        with pytest.raises(SystemExit):
            loop.approve(waiting.project, waiting.settings, "Ana")
    assert loop.reconcile(waiting.project, waiting.settings)
    assert waiting.ledger.retune("r2").status == "promoted"
    assert waiting.registry.version_of(CHAMPION) == 2
    assert "Ana" in waiting.ledger.promotions("shop")[-1].reason


def run(project, *words):
    """Run a command of the line in this process; returns exit code and output."""
    import yaml

    problem = {"target": "y", "metric": "rmse", "time": "at", "rows": "rows.csv"}
    (project.root / "conf/problems/shop.yml").write_text(yaml.safe_dump(problem), "utf-8")
    done = CliRunner().invoke(app, [*words])
    return done.exit_code, done.output


def test_the_commands_approve_and_take_back(waiting):
    code, said = run(waiting.project, "approve", "shop", "--by", "Ana", "--reason", "fine")
    assert code == 0
    assert "version 2: champion, approved by Ana" in said
    code, said = run(waiting.project, "rollback", "shop", "--reason", "slow", "--by", "Ben")
    assert code == 0
    assert "version 1 serves again" in said
    last = waiting.ledger.promotions("shop")[-1]
    assert (last.kind, last.version, last.reason) == ("rollback", 1, "slow (by Ben)")


def test_the_command_reject_needs_who_and_why(waiting):
    assert run(waiting.project, "reject", "shop", "--by", "Ben")[0] == 2
    assert run(waiting.project, "approve", "shop")[0] == 2
    code, said = run(waiting.project, "reject", "shop", "--by", "Ben", "--reason", "odd", "--json")
    assert code == 0
    assert json.loads(said)["rejected_by"] == "Ben"
    assert waiting.ledger.retune("r2").status == "rejected"
