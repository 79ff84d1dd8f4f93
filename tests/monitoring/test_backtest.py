"""The replay of a policy: the loop's rules, on a world of two models that needs no fit."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from driftune.errors import DriftuneError
from driftune.metrics import get_metric
from driftune.monitoring import PerformanceMonitor, TriggerPolicy
from driftune.monitoring.backtest import replay
from driftune.monitoring.matrix import Fitted
from driftune.monitoring.oracle import best_schedule
from driftune.monitoring.schedules import always, never, oracle, share_of_gain
from driftune.monitoring.world import Attempt, Cost, Version
from driftune.resampling import Interval

ROWS = 400
DROP = TriggerPolicy(cost=None, recall=False, hysteresis=0, strategy="all_history")


class Stream:
    """A model has an rmse of 10 on the regime that it has seen last, of 20 on the other one."""

    def __init__(self, regimes, *, label_delay=0, refuses=False, months=None):
        self.regimes = regimes  # of batch 0, 1, ...
        self.names = tuple(f"week_{number}" for number in range(len(regimes)))
        self.months = months or self.names
        self.label_delay = label_delay
        self.refuses = refuses
        self.observed = []

    def _model(self, last):
        return Fitted(f"model {last}", np.array([last]), 0, np.zeros(0, np.float32), 1.0)

    def _rmse(self, last, batch):
        return 10.0 if self.regimes[last] == self.regimes[batch] else 20.0

    def first(self):
        if self.refuses == "first":
            return Attempt("refused", "no better than a constant")
        return Attempt("promoted", "", self._version(1, 0))

    def _version(self, number, last):
        model = self._model(last)
        return Version(number, last, model, model, reference=Interval(9.5, 10.0, 10.5))

    def observe(self, policy, champion, earlier, batch):
        self.observed.append((self.names[batch], champion.number))
        y = np.zeros(ROWS)
        monitor = PerformanceMonitor.from_reference("rmse", champion.reference)
        return monitor.observe(y, y + self._rmse(champion.last, batch), batch=self.names[batch])

    def observe_unlabelled(self, policy, champion, batch):
        monitor = PerformanceMonitor.from_reference("rmse", champion.reference)
        return monitor.observe(np.zeros(0), np.zeros(0), batch=self.names[batch])

    def probe_cost(self, seen):
        return Cost()

    def challenge(self, policy, number, last, champion, previous):
        status = "refused" if self.refuses else "promoted"
        return Attempt(status, "because", self._version(number, last), Cost(2, 3.0))

    def recall(self, earlier, last, over, champion, previous):
        return Attempt("promoted", "right again", earlier)

    def retrained(self, last):
        return self._model(last)

    def value(self, model, batch):
        return self._rmse(int(model.key.split()[1]), batch)

    def loss(self, value):
        return get_metric("rmse").flip(value)


def fired(replayed):
    return [step.batch for step in replayed.steps if step.outcome == "queued"]


def test_a_drift_fires_once_and_the_new_model_serves_from_the_next_batch_on():
    world = Stream("aaaabbbbbb")
    found = replay(world, DROP, "drop")
    assert fired(found) == ["week_5"]  # the second of two bad weeks
    assert [step.value for step in found.steps] == [10, 10, 10, 20, 20, 10, 10, 10, 10]
    assert [step.version for step in found.steps][4:6] == [1, 2]
    assert (found.retunes, found.promotions, found.fits, found.seconds) == (1, 1, 2, 3.0)
    assert found.mean == pytest.approx(110 / 9)


def test_a_refused_challenger_does_not_serve_and_the_policy_asks_again_after_its_cooldown():
    found = replay(Stream("aabbbbbbbb", refuses=True), DROP, "drop")
    assert fired(found) == ["week_3", "week_6", "week_9"]
    assert found.promotions == 0
    assert {step.version for step in found.steps} == {1}
    assert found.steps[2].verdict == "refused"


def test_a_failed_retune_starts_no_cooldown():
    world = Stream("aabbbbb")
    world.challenge = lambda *_: Attempt("failed", "too few rows")
    assert fired(replay(world, DROP, "drop")) == ["week_3", "week_4", "week_5", "week_6"]


def test_labels_that_come_late_fire_late_and_say_nothing_about_who_no_longer_serves():
    on_time = replay(Stream("aaabbbbbbbbb"), DROP, "drop")
    world = Stream("aaabbbbbbbbb", label_delay=2)
    late = replay(world, DROP, "drop")
    assert fired(on_time) == ["week_4"]
    assert fired(late) == ["week_4"]  # the batch whose labels asked, two weeks later
    bad = [step.batch for step in late.steps if step.value == 20]
    assert bad == ["week_3", "week_4", "week_5", "week_6"]
    served = {(step.batch, step.version) for step in late.steps}
    assert set(world.observed) <= served
    assert ("week_5", 1) not in world.observed


def test_the_limit_per_month_counts_the_months_of_the_batches():
    policy = replace(DROP, k=1, m=1, cooldown=0, max_retunes_per_month=1)
    months = ("may",) * 4 + ("june",) * 4
    found = replay(Stream("abbbbbbb", refuses=True, months=months), policy, "capped")
    assert fired(found) == ["week_1", "week_4"]
    assert found.steps[1].outcome == "alert"


def test_a_policy_of_the_past_asks_an_earlier_champion_back():
    class Recalls:
        def decide(self, history, observation, *, retunes_this_month=0):
            made = DROP.decide(history, observation)
            if made.outcome == "queued" and any(past.retuned for past in history):
                return replace(made, action="recall", trigger="recall", candidate=1)
            return made

    found = replay(Stream("aabbbbaaaa"), Recalls(), "recalls")
    assert [step.action for step in found.steps if step.outcome == "queued"] == ["retune", "recall"]
    assert found.steps[-1].version == 1
    assert found.fits == 2  # nothing is trained for a recall


def test_without_a_first_model_there_is_nothing_to_replay():
    with pytest.raises(DriftuneError, match="no better than a constant"):
        replay(Stream("aa", refuses="first"), DROP, "drop")


def test_schedules_are_what_they_say():
    world = Stream("aabbab")
    assert [step.value for step in never(world).steps] == [10, 20, 20, 10, 20]
    assert [step.value for step in always(world).steps] == [10, 20, 10, 20, 20]
    assert never(world).retunes == 0 and always(world).retunes == 4


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_no_schedule_beats_the_oracle(delay):
    world = Stream("aabbbaabbba", label_delay=delay)
    best = oracle(world).mean
    assert best <= min(never(world).mean, always(world).mean)
    assert best <= replay(world, DROP, "drop").mean
    assert oracle(world, 1).retunes <= 1
    assert best <= oracle(world, 1).mean <= never(world).mean


def test_the_oracle_is_exact():
    rng = np.random.default_rng(0)
    for most in (0, 1, 2, 3, None):
        losses = np.triu(rng.uniform(size=(7, 7)))

        def total(schedule, losses=losses):
            serving = [max(i for i in (0, *schedule) if i <= period) for period in range(7)]
            return sum(losses[i, period] for period, i in enumerate(serving))

        counts = range(7 if most is None else most + 1)
        every = [one for used in counts for one in itertools.combinations(range(1, 7), used)]
        assert total(best_schedule(losses, most)) == pytest.approx(min(map(total, every)))


def test_a_period_that_cannot_be_measured_moves_no_retraining():
    losses = np.array([[1.0, np.nan, 9], [0, np.nan, 1], [0, 0, 2]])
    assert best_schedule(losses) == (1,)


def test_the_share_of_what_always_gains():
    world = Stream("aaaabbbbbb")
    share = share_of_gain(world, replay(world, DROP, "drop"), never(world), always(world))
    assert share == pytest.approx(0.8)  # one more bad week of the five
    flat = Stream("aaaa")
    assert share_of_gain(flat, never(flat), never(flat), always(flat)) is None
