"""Taking a promotion back."""

import pytest

from driftune import loop
from driftune.errors import DriftuneError
from driftune.promotion.registry import CHAMPION, PREVIOUS


@pytest.fixture
def third(shop):
    """Versions 1, 2 and 3 served one after another."""
    for version in (1, 2, 3):
        loop.judge(shop.project, shop.settings, version)
        loop.promote(shop.project, shop.settings, version, "x")
    return shop


def test_a_rollback_swaps_and_says_who_and_why(third):
    assert loop.roll_back(third.project, third.settings, "slow", by="Ana") == (2, 3)
    assert third.registry.version_of(CHAMPION) == 2
    assert third.registry.version_of(PREVIOUS) == 3
    last = third.ledger.promotions("shop")[-1]
    assert (last.kind, last.version, last.previous) == ("rollback", 2, 3)
    assert last.reason == "slow (by Ana)"


def test_any_earlier_champion_can_come_back(third):
    assert loop.roll_back(third.project, third.settings, to=1) == (1, 3)
    assert third.registry.version_of(PREVIOUS) == 3


@pytest.mark.parametrize(("to", "why"), [(4, "never champion"), (3, "serves now"), (9, "gone")])
def test_a_version_that_never_served_is_refused(third, to, why):
    with pytest.raises(DriftuneError, match=rf"Version {to} .*{why}.*\[1, 2\].*driftune promote"):
        loop.roll_back(third.project, third.settings, to=to)
    assert third.registry.version_of(CHAMPION) == 3
    assert len(third.ledger.promotions("shop")) == 3


def test_when_the_previous_champion_is_gone_the_error_names_the_others(third):
    third.registry.client.delete_model_version("shop", "2")
    with pytest.raises(DriftuneError, match=r"no previous champion.*\[1\].*--to VERSION"):
        loop.roll_back(third.project, third.settings)
    assert loop.roll_back(third.project, third.settings, to=1) == (1, 3)


def test_a_first_champion_cannot_be_taken_back(shop):
    loop.judge(shop.project, shop.settings, 1)
    loop.promote(shop.project, shop.settings, 1, "x")
    with pytest.raises(DriftuneError, match="no earlier champion is left"):
        loop.roll_back(shop.project, shop.settings)
    assert shop.registry.version_of(CHAMPION) == 1


def test_a_rollback_waits_for_no_retune(third):
    with third.ledger.lease("shop"):
        assert loop.roll_back(third.project, third.settings) == (2, 3)
