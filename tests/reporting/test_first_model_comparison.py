"""What retuning bought over the batches, against the model that was never retrained."""

import pytest

from driftune.metrics import get_metric
from driftune.reporting.first_model import compare
from driftune.reporting.headline import write_headline
from driftune.reporting.story import START, Batch, Change, Story


def batch(position, value, first_model, **changes):
    values = {
        "position": position, "name": f"w{position}", "version": 2, "status": "ok",
        "value": value, "low": value, "high": value, "reference": 10.0, "breach": False,
        "outcome": "no_drift", "trigger": None, "reason": "fine", "retune_id": None,
        "first_model": first_model, "same_rows": True,
    }  # fmt: skip
    return Batch(**(values | changes))


def change(position, version, kind="promotion"):
    return Change(position, version, None, kind, "why", None, f"w{position}")


def story(batches, changes, metric="rmse"):
    return Story(
        name="p", target="y", metric=get_metric(metric), margin=0.01, champion=2, first_version=1,
        batches=batches, changes=changes,
    )  # fmt: skip


FIRST, RETUNE = change(START, 1), change(1, 2)


def test_only_batches_after_the_first_retune_count():
    batches = [batch(0, 10, 10), batch(1, 30, 30), batch(2, 9, 12), batch(3, 9, 12)]
    found = compare(story(batches, [FIRST, RETUNE]))
    assert (found.first, found.last, found.batches, found.better) == ("w2", "w3", 2, 2)
    assert (found.champion, found.never_retrained) == (9, 12)
    assert found.gain == pytest.approx(0.25)
    assert found.interval is None  # two batches prove little


def test_for_a_score_the_gain_is_in_loss():
    found = compare(story([batch(2, 0.9, 0.8)], [FIRST, RETUNE], metric="roc_auc"))
    assert found.gain == pytest.approx(0.5)
    assert found.better == 1


def test_many_batches_give_an_interval_around_the_gain():
    batches = [batch(2 + n, 9 + n % 3, 12 + n % 2) for n in range(30)]
    found = compare(story(batches, [FIRST, RETUNE]))
    assert 0 < found.interval.low < found.gain < found.interval.high < 0.5


def test_a_loss_is_called_a_loss():
    sentence = write_headline(story([batch(2, 12, 10)], [FIRST, RETUNE]))[-1]
    assert "20.0% more loss" in sentence
    assert "better in 0 of 1" in sentence


def test_batches_whose_labels_changed_are_left_out_and_counted():
    batches = [batch(2, 9, 12), batch(3, 1, 99, same_rows=False), batch(4, 9, None)]
    found = compare(story(batches, [FIRST, RETUNE]))
    assert (found.batches, found.left_out, found.champion) == (1, 2, 9)


@pytest.mark.parametrize(
    "changes", [[], [FIRST], [FIRST, change(2, 2)]], ids=["no model", "no retune", "no batch since"]
)
def test_nothing_to_compare_says_nothing(changes):
    assert compare(story([batch(2, 9, 12)], changes)) is None


def test_a_rollback_keeps_the_start_of_the_comparison():
    batches = [batch(2, 9, 12), batch(3, 12, 12)]
    found = compare(story(batches, [FIRST, RETUNE, change(2, 1, "rollback")]))
    assert found.batches == 2
