"""The box inside the hard limits: guarded, versioned, taken back."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from driftune.errors import UsageError
from driftune.language_model import ScriptedLanguageModel
from driftune.sampler import DynamicSpace, FixedShare, LLMTPESampler, source_of
from driftune.sampler.dynamic_space import Box, bound, grant, widen_at_edge
from driftune.sampler.unit_cube import to_unit

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "leaves": IntDistribution(2, 200, log=True),
    "kind": CategoricalDistribution(["a", "b"]),
}
POSITIONS = st.floats(0, 1)


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    leaves = trial.suggest_int("leaves", 2, 200, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return abs(to_unit(rate, SPACE["rate"]) - 0.5) + abs(leaves - 20) / 200 + (kind == "a")


def boxes(study):
    return [
        t.system_attrs["driftune:box"] for t in study.trials if "driftune:box" in t.system_attrs
    ]


@given(
    low=st.floats(-1e3, 1e3, allow_nan=False),
    high=st.floats(-1e3, 1e3, allow_nan=False),
    start=st.tuples(POSITIONS, POSITIONS),
    at=POSITIONS,
)
def test_a_wish_is_granted_only_within_the_guards(low, high, start, at):
    """Inside the limits, with the incumbent, at most four times narrower or wider."""
    limits = {"x": FloatDistribution(-10.0, 10.0)}
    a, b = sorted(-10 + 20 * position for position in start)
    a, b = (a, b) if b - a > 1 else (-10.0, 10.0)
    incumbent = {"x": a + at * (b - a)}
    ranges = grant(Box(ranges={"x": (a, b)}), {"x": (low, high)}, limits, incumbent)
    new = ranges.get("x", (-10.0, 10.0))
    assert -10 <= new[0] <= incumbent["x"] + 1e-9 and incumbent["x"] - 1e-9 <= new[1] <= 10
    assert (b - a) / 4 - 1e-6 <= new[1] - new[0] <= max(4 * (b - a), 20 * 0.02) + 1e-6


def test_scales_and_steps_are_kept():
    bounded = bound(SPACE, {"rate": (1e-3, 1e-1), "leaves": (10.2, 50.0)})
    assert bounded["rate"] == FloatDistribution(1e-3, 1e-1, log=True)
    assert bounded["leaves"] == IntDistribution(10, 50, log=True)
    assert bounded["kind"] == SPACE["kind"]


def test_an_incumbent_at_the_edge_widens_the_box_but_not_the_limits():
    box = Box(ranges={"rate": (1e-4, 1e-2)})
    ranges, names = widen_at_edge(box, SPACE, {"rate": 9.9e-3, "leaves": 5, "kind": "a"})
    assert names == ["rate"]
    assert ranges == {}  # doubled, it is as wide as the limits
    ranges, names = widen_at_edge(box, SPACE, {"rate": 1e-4, "leaves": 5, "kind": "a"})
    assert (ranges, names) == (box.ranges, [])  # the hard limit itself


def test_the_search_starts_in_its_box_and_leaves_it_by_the_rule():
    dynamic = DynamicSpace(start={"rate": (1e-4, 1e-3)})
    sampler = LLMTPESampler(search_space=SPACE, dynamic_space=dynamic, seed=2)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=40)
    assert all(t.params["rate"] <= 1e-3 for t in study.trials[:5])
    assert study.best_params["rate"] > 2e-3  # the best lies at 0.01
    versions = boxes(study)
    assert [box["version"] for box in versions] == list(range(1, len(versions) + 1))
    assert all(box["by"] == "rule" and "rate" in box["reason"] for box in versions)


def answer(low, high, rate=0.01, leaves=20):
    return {
        "proposals": [{"configuration": {"rate": rate, "leaves": leaves, "kind": "b"}}],
        "ranges": [{"name": "rate", "low": low, "high": high, "reason": "It peaks there."}],
    }


def run(replies, n_trials, function=objective, **settings):
    sampler = LLMTPESampler(
        language_model=ScriptedLanguageModel(replies),
        allocation=FixedShare(0.5),
        search_space=SPACE,
        veto=0.0,
        seed=4,
        **settings,
    )
    study = optuna.create_study(sampler=sampler)
    study.optimize(function, n_trials=n_trials)
    return study


def test_a_model_that_earns_moves_the_box_and_a_vain_move_is_taken_back():
    """However often it wishes for another one meanwhile."""
    good = iter(range(1000))

    def oracle(messages, schema):
        return answer(3e-3, 3e-2, rate=0.01 * 1.02 ** -next(good), leaves=20 + next(good) % 3)

    def flat_once_moved(trial):
        value = objective(trial)
        moved = any(box["by"] == "model" for box in boxes(trial.study))
        return 10.0 if moved else value

    study = run(oracle, 60, flat_once_moved, dynamic_space=DynamicSpace(patience=6))
    moved = next(box for box in boxes(study) if box["by"] == "model")
    undone = next(box for box in boxes(study) if box["by"] == "undo")
    assert (moved["reason"], undone["ranges"]) == ("It peaks there.", {})
    changed = [t.number for t in study.trials if "driftune:box" in t.system_attrs]
    assert moved["trial"] in changed
    undo = next(t.number for t in study.trials if t.system_attrs.get("driftune:box") == undone)
    assert undo - moved["trial"] == 6
    inside = [
        t.params["rate"]
        for t in study.trials[moved["trial"] : undo]
        if source_of(t) in ("tpe", "jitter")
    ]
    low, high = moved["ranges"]["rate"]
    assert inside and sum(low <= rate <= high for rate in inside) >= 0.8 * len(inside)


def test_a_model_that_has_not_earned_it_moves_nothing():
    calls = iter(range(1000))

    def worst(messages, schema):
        return answer(0.9, 1.0, rate=1.0 - 0.01 * next(calls), leaves=200)

    study = run(worst, 40, dynamic_space=DynamicSpace())
    assert {box["by"] for box in boxes(study)} <= {"refused"}
    assert all(box["ranges"] == {} for box in boxes(study))


def test_wishes_are_neither_asked_for_nor_heard_by_default():
    asked = []

    def wishful(messages, schema):
        asked.append(messages[-1]["content"])
        return answer(3e-3, 3e-2, leaves=20 + len(asked))

    study = run(wishful, 20)
    assert not boxes(study)
    assert 'Leave "ranges" empty' in asked[0]


def test_a_range_of_few_whole_numbers_is_left_again():
    space = {"n": IntDistribution(1, 9)}
    dynamic = DynamicSpace(start={"n": (5, 6)})
    study = optuna.create_study(
        sampler=LLMTPESampler(search_space=space, dynamic_space=dynamic, partner="tpe", seed=0)
    )
    study.optimize(lambda trial: 9 - trial.suggest_int("n", 1, 9), n_trials=30)
    assert study.best_params["n"] == 9
    assert len(boxes(study)) < 6
    ranges = grant(Box(), {"n": (5.0, 5.1)}, space, {"n": 5})
    assert bound(space, ranges)["n"].high - bound(space, ranges)["n"].low >= 1


@pytest.mark.parametrize(
    ("start", "complaint"),
    [
        ({"rate": (0.1, 0.1)}, "low and a high"),
        ({"rate": ("a", "b")}, "low and a high"),
        ({"rate": 3}, "low and a high"),
        ({"rate": (1.0, 20.0)}, "limits"),
        ({"leaves": (5, 5.4)}, "two values"),
        ({"kind": (0, 1)}, "categorical"),
        ({"rato": (0.1, 0.2)}, "rate"),
    ],
)
def test_a_wrong_start_is_refused_before_the_first_trial(start, complaint):
    with pytest.raises(UsageError, match=complaint):
        LLMTPESampler(search_space=SPACE, dynamic_space=DynamicSpace(start=start))


def test_a_start_outside_limits_that_are_learned_is_refused_in_words():
    sampler = LLMTPESampler(dynamic_space=DynamicSpace(start={"rate": (10.0, 20.0)}))
    study = optuna.create_study(sampler=sampler)
    with pytest.raises(UsageError, match="rate"):
        study.optimize(objective, n_trials=2)


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError):
        DynamicSpace(patience=0)
