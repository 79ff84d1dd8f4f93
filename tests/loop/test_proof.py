"""A registered version before the gate, and what follows from the verdict."""

from dataclasses import replace

import pandas as pd
import pytest

from driftune import loop
from driftune.errors import DriftuneError, LeaseLost
from driftune.ledger import ObservationRow
from driftune.ledger.tables import DecisionRow
from driftune.promotion.registry import CHALLENGER, CHAMPION, PREVIOUS


def asked(shop, retune_id, version, trigger="performance_drop", settings=None):
    """A retune that has trained ``version`` and comes to its gate now."""
    shop.ledger.request_retune(retune_id, "shop", trigger=trigger, reason="x")
    shop.ledger.set_retune(retune_id, "running", version=version)
    return loop.judge(shop.project, settings or shop.settings, version)


def conclude(shop, retune_id, version, verdict, settings=None, **more):
    settings = settings or shop.settings
    status = loop.conclude(shop.project, settings, version, verdict, retune_id=retune_id, **more)
    shop.ledger.set_retune(retune_id, status)
    return status


def promote_first(shop, version=1):
    loop.judge(shop.project, shop.settings, version)
    loop.promote(shop.project, shop.settings, version, "the first")


def observe_batch(shop, name):
    shop.ledger.record(
        ObservationRow(
            key=name, problem="shop", batch=name, status="ok", data_version="x", details={},
            sequence=len(shop.ledger.observations("shop")),
        ),
        DecisionRow(outcome="no_drift", breach=False, reason="x", policy="p"),
    )  # fmt: skip


def test_a_better_version_is_promoted_and_both_records_say_so(shop):
    promote_first(shop)
    verdict = asked(shop, "r2", 2)
    assert verdict.champion_version == 1
    assert conclude(shop, "r2", 2, verdict) == "promoted"
    assert (shop.registry.version_of(CHAMPION), shop.registry.version_of(PREVIOUS)) == (2, 1)
    last = shop.ledger.promotions("shop")[-1]
    assert (last.version, last.previous, last.kind, last.retune_id) == (2, 1, "promotion", "r2")
    assert shop.registry.announced() is None


def test_concluding_again_changes_nothing_even_after_a_rollback(shop):
    promote_first(shop)
    verdict = asked(shop, "r2", 2)
    conclude(shop, "r2", 2, verdict)
    assert conclude(shop, "r2", 2, verdict) == "promoted"
    assert len(shop.ledger.promotions("shop")) == 2
    loop.roll_back(shop.project, shop.settings)
    assert conclude(shop, "r2", 2, verdict) == "promoted"  # killed before it could say so
    assert shop.registry.version_of(CHAMPION) == 1


def test_a_worse_version_is_refused_and_nothing_moves(shop):
    promote_first(shop)
    assert conclude(shop, "r4", 4, asked(shop, "r4", 4)) == "refused"
    assert (shop.registry.version_of(CHAMPION), shop.registry.version_of(PREVIOUS)) == (1, None)


def test_who_was_judged_against_another_champion_is_judged_again(shop):
    promote_first(shop)
    stale = asked(shop, "r2", 2)
    promote_first(shop, 3)  # somebody promotes an even better one meanwhile
    assert stale.promoted
    assert conclude(shop, "r2", 2, stale) == "refused"
    assert shop.registry.version_of(CHAMPION) == 3


def test_a_version_that_was_never_judged_is_not_promoted(shop):
    with pytest.raises(DriftuneError, match="never judged"):
        loop.promote(shop.project, shop.settings, 2, "x")
    assert shop.registry.version_of(CHAMPION) is None


def test_the_champion_before_is_compared_too(shop):
    promote_first(shop, 3)
    promote_first(shop, 4)  # as if it had been better once
    verdict = loop.judge(shop.project, shop.settings, 1)
    assert not verdict.promoted
    assert verdict.previous_is_better
    assert verdict.improvement.low > 0  # it does beat the champion
    assert "version 3" in verdict.reason


def test_a_champion_that_was_taken_back_is_no_measure(shop):
    promote_first(shop, 4)
    promote_first(shop, 3)
    loop.roll_back(shop.project, shop.settings, "its licence")
    verdict = loop.judge(shop.project, shop.settings, 1)
    assert verdict.promoted
    assert verdict.over_previous is None


def test_slices_of_the_settings_reach_the_gate(shop):
    promote_first(shop)
    settings = shop.gate(slices=("shop",))
    verdict = loop.judge(shop.project, settings, 2)
    assert {one.name for one in verdict.slices} == {"shop = north", "shop = south"}
    with pytest.raises(DriftuneError, match=r"gate\.slices.*'shopp'"):
        loop.judge(shop.project, shop.gate(slices=("shopp",)), 2)


def test_a_champion_is_judged_by_what_it_serves_with_only_where_that_is_honest(shop, monkeypatch):
    promote_first(shop)
    used = []
    kind = type(shop.registry)
    load, load_proof = kind.load, kind.load_proof
    monkeypatch.setattr(kind, "load", lambda r, v: used.append(("serving", v)) or load(r, v))
    monkeypatch.setattr(kind, "load_proof", lambda r, v: used.append(("proof", v)) or load(r, 2))
    loop.judge(shop.project, shop.settings, 2)
    assert set(used) == {("serving", 1), ("serving", 2)}
    used.clear()
    shop.registry.tag(1, driftune__proof="models:/x")  # version 1 has learned from the rows since
    shop.registry.tag(1, driftune__rows_until=shop.rows["at"][4000].isoformat())
    loop.judge(shop.project, shop.settings, 2)
    assert set(used) == {("proof", 1), ("serving", 2)}
    assert load_proof is not None


def test_rows_that_the_challenger_has_learned_from_are_left_out(shop):
    promote_first(shop)
    shop.registry.tag(2, driftune__rows_until=shop.rows["at"][3999].isoformat())
    assert loop.judge(shop.project, shop.settings, 2).rows == 1000
    shop.registry.tag(2, driftune__rows_until=shop.rows["at"].max().isoformat())
    verdict = loop.judge(shop.project, shop.settings, 2)
    assert (verdict.promoted, verdict.rows) == (False, 0)
    assert "learned from all rows" in verdict.reason


def test_predictions_beyond_reason_are_refused_by_the_labels_of_the_search(shop):
    promote_first(shop)
    wild = shop.tables["promotion_rows"].copy()
    wild.loc[wild.index[7], "x"] = 1e6
    shop.tables["promotion_rows"] = wild
    assert "gate.max_overshoot" in loop.judge(shop.project, shop.settings, 2).reason


def test_what_passed_waits_when_the_mode_says_so(shop):
    promote_first(shop)
    verdict = asked(shop, "r2", 2)
    assert conclude(shop, "r2", 2, verdict, shop.gate(mode="approval")) == "awaiting_approval"
    assert conclude(shop, "r2", 2, verdict, shop.gate(mode="shadow")) == "shadow"
    assert shop.registry.version_of(CHAMPION) == 1
    bad = replace(verdict, promoted=False)
    assert conclude(shop, "r2", 2, bad, shop.gate(mode="approval")) == "refused"


def test_a_first_model_has_nobody_to_run_beside(shop):
    settings = shop.gate(mode="shadow")
    verdict = asked(shop, "r1", 1)
    assert conclude(shop, "r1", 1, verdict, settings) == "promoted"


@pytest.mark.parametrize(("trigger", "status"), [("cost", "awaiting_approval"),
                                                 ("manual", "promoted")])  # fmt: skip
def test_an_automatic_retune_promotes_nothing_in_the_pause_after_a_rollback(shop, trigger, status):
    promote_first(shop)
    promote_first(shop, 2)
    observe_batch(shop, "b1")
    loop.roll_back(shop.project, shop.settings, "worse on Mondays")
    verdict = asked(shop, "r3", 3, trigger)
    assert verdict.promoted
    assert conclude(shop, "r3", 3, verdict) == status


def test_the_pause_ends_with_the_cooldown(shop):
    promote_first(shop)
    promote_first(shop, 2)
    observe_batch(shop, "b1")
    loop.roll_back(shop.project, shop.settings)
    for name in range(shop.settings.policy.cooldown + 1):
        observe_batch(shop, f"later{name}")
    assert conclude(shop, "r3", 3, asked(shop, "r3", 3, "cost")) == "promoted"


def test_a_lost_lease_promotes_nothing(shop):
    promote_first(shop)
    verdict = asked(shop, "r2", 2)
    mine = shop.ledger.lease("shop", owner="a", seconds=60)
    mine.release()
    shop.ledger.lease("shop", owner="b")
    with pytest.raises(LeaseLost):
        conclude(shop, "r2", 2, verdict, lease=mine)
    assert shop.registry.version_of(CHAMPION) == 1
    assert shop.registry.announced() is None
    assert len(shop.ledger.promotions("shop")) == 1


def test_a_refused_version_stays_challenger_for_a_look(shop):
    promote_first(shop)
    conclude(shop, "r4", 4, asked(shop, "r4", 4))
    assert shop.registry.version_of(CHALLENGER) == 4


def test_without_a_time_rows_count_by_their_arrival(shop):
    settings = shop.settings.model_copy(update={"time": None})
    for version in (1, 2):
        shop.registry.tag(version, driftune__search_until="3000", driftune__rows_until="3000")
    loop.judge(shop.project, settings, 1)
    loop.promote(shop.project, settings, 1, "the first")
    assert loop.judge(shop.project, settings, 2).rows == 2000
    shop.registry.tag(2, driftune__rows_until="3500")
    assert loop.judge(shop.project, settings, 2).rows == 1500


def test_a_proof_that_does_not_say_how_far_it_learned_is_believed(shop):
    settings = shop.settings.model_copy(update={"time": None})
    shop.registry.tag(2, driftune__proof="models:/shop/2")
    for name in ("search_until", "rows_until"):
        shop.registry.tag(2, **{f"driftune__{name}": ""})
    assert loop.judge(shop.project, settings, 2).rows == 2000


def test_a_time_with_a_zone_is_compared_all_the_same(shop):
    promote_first(shop)
    rows = shop.tables["promotion_rows"]
    shop.tables["promotion_rows"] = rows.assign(at=pd.to_datetime(rows["at"], utc=True))
    shop.registry.tag(2, driftune__rows_until=shop.rows["at"][3999].isoformat())
    assert loop.judge(shop.project, shop.settings, 2).rows == 1000
