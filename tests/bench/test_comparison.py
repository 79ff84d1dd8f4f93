"""Regret, pairs and intervals."""

import pytest

from driftune.bench import Run, compare
from driftune.bench.comparison import bootstrap, regret_curves


def run(arm, values, *, table="t", seed=0, task="regression", test=None, **counts):
    best = max(values) if task == "classification" else min(values)
    return Run(
        table, "lightgbm", arm, seed, task, values, best, best if test is None else test, **counts
    )


def test_regret_is_zero_at_the_best_seen_and_one_at_the_median_of_random_search():
    runs = [run("random", [4.0, 3.0, 2.0]), run("tpe", [3.0, 1.0, 5.0])]
    curves = regret_curves(runs)
    assert list(curves[0]) == [1.5, 1.0, 0.5]
    assert list(curves[1]) == [1.0, 0.0, 0.0]


def test_a_score_that_should_be_high_is_turned_round():
    runs = [run("random", [0.5, 0.6, 0.7], task="classification"),
            run("tpe", [0.6, 0.9, 0.1], task="classification")]  # fmt: skip
    assert list(regret_curves(runs)[1]) == pytest.approx([1.0, 0.0, 0.0])


def test_a_task_that_everybody_solves_has_no_regret():
    runs = [run("random", [1.0, 1.0]), run("tpe", [1.0, 1.0])]
    assert all(list(curve) == [0.0, 0.0] for curve in regret_curves(runs).values())


def test_an_arm_that_is_always_better_wins_every_task_clearly():
    runs = []
    for table, level in (("a", 10.0), ("b", 100.0), ("c", 1.0)):
        for seed in range(2):
            runs.append(run("tpe", [level, level], table=table, seed=seed))
            runs.append(run("driftune", [level, 0.9 * level], table=table, seed=seed, calls=4))
    baseline, ours = compare(runs)
    assert (baseline.arm, baseline.cv_gain, ours.won) == ("tpe", None, (3, 0, 0))
    assert ours.cv_gain.mean == pytest.approx(10.0)
    assert ours.cv_gain.clear
    assert ours.regret_change.mean < 0
    assert ours.calls == 4


def test_held_out_rows_are_compared_on_their_own():
    runs = [run("tpe", [10.0], test=10.0, seed=seed) for seed in range(2)]
    runs += [run("driftune", [8.0], test=12.0 - seed, seed=seed) for seed in range(2)]
    ours = compare(runs)[1]
    assert ours.cv_gain.mean == pytest.approx(20.0)
    assert ours.test_gain.mean == pytest.approx(-15.0)
    assert (ours.test_gain.low, ours.test_gain.high) == pytest.approx((-20.0, -10.0))


def test_only_pairs_that_both_have_are_compared():
    runs = [
        run("tpe", [10.0], seed=0),
        run("driftune", [9.0], seed=0),
        run("driftune", [1.0], seed=1),
    ]
    assert compare(runs)[1].cv_gain.mean == pytest.approx(10.0)


def test_a_single_pair_has_no_interval_and_is_never_clear():
    interval = bootstrap({("t", "m"): [5.0]})
    assert (interval.low, interval.high, interval.clear) == (None, None, False)


def test_no_baseline_no_comparison():
    (only,) = compare([run("driftune", [1.0, 2.0])])
    assert (only.cv_gain, only.won) == (None, None)


def test_an_unknown_price_stays_unknown():
    runs = [run("tpe", [1.0]), run("sllmbo", [1.0], cost_usd=None), run("sllmbo", [1.0], seed=1)]
    assert compare(runs)[1].cost_usd is None
