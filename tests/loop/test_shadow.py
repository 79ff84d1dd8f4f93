"""A challenger runs beside the champion for some batches before it may serve."""

from dataclasses import asdict

import numpy as np
import pytest

from driftune import loop
from driftune.loop import shadow
from driftune.promotion.registry import CHAMPION


@pytest.fixture
def running(shop):
    """Version 1 serves; version 2 runs in shadow for two batches."""
    return start(shop, 2)


def start(shop, version):
    shop.shadowed = shop.gate(mode="shadow", shadow_batches=2)
    loop.judge(shop.project, shop.settings, 1)
    loop.promote(shop.project, shop.settings, 1, "the first")
    shop.ledger.request_retune("r2", "shop", trigger="cost", reason="x", through="b")
    shop.ledger.set_retune(
        "r2", "shadow", version=version, verdict=asdict(loop.judge(shop.project, shop.settings, 2))
    )
    return shop


def batch(shop, number, labelled=1.0):
    rows = shop.rows[5000 + 500 * number : 5500 + 500 * number].copy()
    rows.loc[rows.index[int(labelled * len(rows)) :], "y"] = np.nan
    return rows


def see(shop, number, labelled=1.0, name=None):
    """One batch, as the watcher does it."""
    rows = batch(shop, number, labelled)
    row = shadow.observe(shop.project, shop.shadowed, name or f"b{number}", rows, rows["y"])
    return shadow.finish_shadow(shop.project, shop.shadowed) or row


def test_after_its_batches_the_better_one_serves(running):
    row = see(running, 0)
    assert row.status == "shadow"
    assert row.details["shadow"]["b0"]["challenger"] < row.details["shadow"]["b0"]["champion"]
    assert running.registry.version_of(CHAMPION) == 1
    row = see(running, 1)
    assert row.status == "promoted"
    assert running.registry.version_of(CHAMPION) == 2
    last = running.ledger.promotions("shop")[-1]
    assert last.retune_id == "r2"
    assert last.reason.startswith("After 2 batches in shadow")
    assert row.details["shadow_verdict"]["rows"] == 1000  # of these batches, not of the gate
    assert see(running, 2) is None
    assert not list((running.project.state / "shadow").rglob("*.parquet"))


def test_one_that_is_worse_on_the_batches_is_refused(shop):
    start(shop, 4)
    see(shop, 0)
    assert see(shop, 1).status == "refused"
    assert shop.registry.version_of(CHAMPION) == 1


def test_a_batch_without_labels_does_not_count_until_they_arrive(running):
    see(running, 0)
    assert see(running, 1, labelled=0.2).status == "shadow"
    assert "b1" not in running.ledger.retune("r2").details["shadow"]
    assert see(running, 1).status == "promoted"


def test_the_same_batch_again_counts_once(running):
    see(running, 0, labelled=0.6)
    row = see(running, 0)
    assert row.status == "shadow"
    assert row.details["shadow"]["b0"]["rows"] == 500


def test_killed_before_the_end_somebody_else_ends_it(running):
    for number in range(2):
        rows = batch(running, number)
        shadow.observe(running.project, running.shadowed, f"b{number}", rows, rows["y"])
    done = loop.reconcile(running.project, running.shadowed)
    assert running.ledger.retune("r2").status == "promoted"
    assert len(done) == 1
    assert loop.reconcile(running.project, running.shadowed) == []


def test_killed_after_the_promotion_it_is_closed_all_the_same(running, monkeypatch):
    see(running, 0)

    def dies(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(shadow, "_close", dies)
        see(running, 1)
    assert running.registry.version_of(CHAMPION) == 2
    assert see(running, 2).status == "promoted"
    assert len(running.ledger.promotions("shop")) == 2


def test_after_a_rollback_it_waits_for_a_person(running):
    loop.judge(running.project, running.settings, 3)
    loop.promote(running.project, running.settings, 3, "by hand")
    loop.roll_back(running.project, running.settings)
    see(running, 0)
    assert see(running, 1).status == "awaiting_approval"
    assert running.registry.version_of(CHAMPION) == 1
    loop.approve(running.project, running.settings, "Ana")
    assert running.registry.version_of(CHAMPION) == 2


def test_it_can_be_rejected_on_the_way(running):
    see(running, 0)
    assert loop.reject(running.project, running.settings, "Ben", "enough").status == "rejected"
    assert see(running, 1) is None
    assert not list((running.project.state / "shadow").rglob("*.parquet"))


def test_kept_batches_that_were_deleted_end_it_with_a_word(running):
    see(running, 0)
    for file in (running.project.state / "shadow").rglob("*.parquet"):
        file.unlink()
    row = see(running, 1)
    assert row.status == "refused"
    assert "b0" in row.details["error"]
