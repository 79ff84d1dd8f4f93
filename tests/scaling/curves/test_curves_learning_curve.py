"""Learning curves: they foresee what more rows bring, and say when they cannot."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import DataError, InsufficientPoints, UsageError
from driftune.scaling.curves.learning_curve import fit_learning_curve
from driftune.scaling.curves.observation import Observation

ROWS = [500 * 2**k for k in range(8)]
# tuned LightGBM (best of 5 leaf counts, early stopping) on a Friedman-like table of 20 features
REGRESSION = [4.795, 3.353, 2.642, 2.074, 1.792, 1.636, 1.486, 1.392]  # RMSE
CLASSES = [0.5657, 0.5501, 0.5274, 0.5161, 0.5047, 0.4988, 0.4896, 0.4854]  # log loss


def pilots(rows, losses, se=None):
    """Points with one standard error each, or none."""
    se = [None] * len(rows) if se is None else se
    return [
        Observation(int(n), float(loss), se=e) for n, loss, e in zip(rows, losses, se, strict=True)
    ]


def power_law(rows, floor=1.0, scale=30.0, exponent=0.5):
    return floor + scale * np.asarray(rows, dtype=float) ** -exponent


@pytest.mark.parametrize("losses", [REGRESSION, CLASSES], ids=["regression", "classes"])
def test_five_pilots_foresee_eight_times_their_rows_within_five_per_cent(losses):
    curve = fit_learning_curve(pilots(ROWS[:5], losses[:5]))
    for rows, loss in zip(ROWS[5:], losses[5:], strict=True):
        found = curve.predict(rows)
        assert abs(found.loss / loss - 1) <= 0.05
        assert abs(found.loss - loss) < abs(curve.last_value - loss)
        assert found.low <= loss <= found.high
    width = curve.predict(ROWS[-1]).high - curve.predict(ROWS[-1]).low
    assert width < 2 * (losses[0] - losses[-1])  # it says something


@pytest.mark.parametrize("exponent", [0.15, 0.5332, 0.6429, 0.9])  # two of them are PLRF's eta
@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_the_exponent_of_a_power_law_is_recovered(exponent, floor):
    steps = np.geomspace(100, 100_000, 12)
    curve = fit_learning_curve(pilots(steps, power_law(np.round(steps), floor, 5, exponent)))
    scale, found = curve.slope()
    assert found == pytest.approx(exponent, rel=0.01)
    assert scale == pytest.approx(5, rel=0.02)
    assert curve.predict(1e6).loss == pytest.approx(power_law(1e6, floor, 5, exponent), rel=0.01)


def test_a_bump_is_flagged_and_no_decision_may_lean_on_the_curve():
    losses = power_law(ROWS)
    se = 0.01 * losses
    losses[5] = losses[4] + 5 * se[5]
    curve = fit_learning_curve(pilots(ROWS, losses, se))
    assert curve.nonmonotone
    assert curve.confidence(ROWS[-1]) == "low"
    assert any("rises" in warning for warning in curve.warnings())


def test_noise_is_not_taken_for_a_bump():
    se = 0.01 * power_law(ROWS)
    rng = np.random.default_rng(0)
    flagged = [
        fit_learning_curve(
            pilots(ROWS, power_law(ROWS) + se * rng.normal(size=8), se), ["pow3"], n_boot=2
        ).nonmonotone
        for _ in range(40)
    ]
    assert np.mean(flagged) <= 0.1


def test_confidence_ends_with_the_distance():
    curve = fit_learning_curve(pilots(ROWS, power_law(ROWS)))
    asked = [ROWS[-1] * factor for factor in (1, 4, 8, 9)]
    assert [curve.confidence(rows) for rows in asked] == ["high", "high", "medium", "low"]
    assert curve.extrapolation(asked[2]) == 8
    assert curve.warnings() == []


def test_a_binding_cap_is_medium_at_best():
    points = [*pilots(ROWS[:-1], power_law(ROWS[:-1])), Observation(ROWS[-1], 1.1, capped=True)]
    curve = fit_learning_curve(points)
    assert curve.capped
    assert curve.confidence(ROWS[-1]) == "medium"
    assert any("cap" in warning for warning in curve.warnings())


def test_a_flat_curve_promises_nothing():
    rng = np.random.default_rng(1)
    se = np.full(8, 0.005)
    curve = fit_learning_curve(pilots(ROWS, 0.5 + se * rng.normal(size=8), se))
    gain = curve.gain(ROWS[-1], 4 * ROWS[-1])
    assert gain.loss < 2 * curve.se
    assert gain.low < curve.se


def test_four_pilots_use_the_one_family_that_they_can_carry():
    curve = fit_learning_curve(pilots(ROWS[:4], power_law(ROWS[:4])))
    assert [one.name for one in curve.families] == ["pow3"]
    assert len(curve.warnings()) == 2  # pow4 and mmf4 are left out
    with pytest.raises(InsufficientPoints, match="4 different numbers of rows are too few"):
        fit_learning_curve(pilots(ROWS[:4], power_law(ROWS[:4])), ["pow4"])


def test_slope_is_that_of_a_power_law_whatever_the_mixture_holds():
    curve = fit_learning_curve(pilots(ROWS, power_law(ROWS)), ["mmf4"])
    assert curve.slope() == pytest.approx((30, 0.5), rel=0.02)


def test_one_lucky_standard_error_does_not_rule():
    losses = power_law(ROWS)
    losses[2] *= 1.03
    se = np.full(8, 0.02)
    se[2] = 1e-6
    curve = fit_learning_curve(pilots(ROWS, losses, se))
    assert curve.predict(ROWS[-1]).loss == pytest.approx(losses[-1], rel=0.03)


@pytest.mark.parametrize(
    ("rows", "said"), [(ROWS[:3], "there are 3"), ([1000, 2000, 3000, 4000], "spanning 4.0x")]
)
def test_too_few_points_are_refused_with_their_number(rows, said):
    with pytest.raises(InsufficientPoints, match=said):
        fit_learning_curve(pilots(rows, power_law(rows)))


def test_no_points_are_refused():
    with pytest.raises(InsufficientPoints, match="there are 0"):
        fit_learning_curve([])


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 0.0, -1.0])
def test_losses_without_a_logarithm_are_refused(loss):
    with pytest.raises(DataError, match="at 500 rows"):
        fit_learning_curve([Observation(500, loss), *pilots(ROWS[1:], power_law(ROWS[1:]))])


def test_a_misspelt_family_is_told_its_name():
    with pytest.raises(UsageError, match="'pow3'"):
        fit_learning_curve(pilots(ROWS, power_law(ROWS)), ["pwo3"])
    with pytest.raises(UsageError, match="empty"):
        fit_learning_curve(pilots(ROWS, power_law(ROWS)), [])


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"level": 0.0}, {"n_boot": 1}])
def test_settings_without_an_interval_are_refused(wrong):
    with pytest.raises(UsageError):
        fit_learning_curve(pilots(ROWS, power_law(ROWS)), **wrong)


def test_the_same_seed_gives_the_same_curve_and_json_holds_it():
    points = pilots(ROWS, REGRESSION)
    first, second = (fit_learning_curve(points, seed=3).predict(1e5) for _ in range(2))
    assert first == second
    kept = json.loads(json.dumps(fit_learning_curve(points).to_dict(), allow_nan=False))
    assert [point["rows"] for point in kept["points"]] == ROWS
    assert sum(one["weight"] for one in kept["families"]) == pytest.approx(1)


def test_a_fit_takes_less_than_a_second_of_processor():
    start = time.process_time()
    fit_learning_curve(pilots(ROWS, REGRESSION))
    assert time.process_time() - start < 2  # 0.3 s when nothing else runs


@settings(max_examples=15, deadline=None)
@given(
    floor=st.floats(0, 5),
    scale=st.floats(0.1, 100),
    exponent=st.floats(0.05, 1.5),
    noise=st.floats(0, 0.05),
    seed=st.integers(0, 100),
    asked=st.lists(st.floats(100, 1e7), min_size=2, max_size=5).map(sorted),
)
def test_more_rows_never_hurt_and_intervals_hold_their_prediction(
    floor, scale, exponent, noise, seed, asked
):
    errors = 1 + noise * np.random.default_rng(seed).uniform(-1, 1, 8)
    losses = power_law(ROWS, floor, scale, exponent) * errors
    curve = fit_learning_curve(pilots(ROWS, losses), n_boot=20, seed=seed)
    found = [curve.predict(rows) for rows in asked]
    assert all(one.low <= one.loss <= one.high for one in found)
    assert all(a.loss >= b.loss - 1e-9 * a.loss for a, b in pairwise(found))
    gain = curve.gain(asked[0], asked[-1])
    assert gain.low <= gain.loss <= gain.high
    assert gain.loss == pytest.approx(found[0].loss - found[-1].loss, abs=1e-9 * found[0].loss)
    same = curve.gain(asked[0], asked[0])
    assert (same.low, same.loss, same.high) == (0, 0, 0)
