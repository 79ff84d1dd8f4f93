"""A2, A3, A8: identities, reference values at d = 400, the contour, stability."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from driftune.errors import UnstableLearningRate, UsageError
from driftune.scaling import PLRF
from driftune.scaling.plrf.volterra import march

# alpha, beta, learning rate, tau0, floor, kernel norm, lower edge, upper edge
CONSTANTS = {
    "Ia": (1.0, 0.3, 0.25, 82653.944, 2.830100e-4, 0.250308, 2.33894e-6, 1.10436),
    "Ib": (0.4, 0.3, 0.0573688, 49.684905, 0.392745, 0.505149, 0.00583075, 1.14817),
    "Ic": (0.2, 0.7, 0.00723014, 4.139875, 0.480973, 0.501713, 0.0773230, 1.49884),
    "II": (1.0, 0.7, 0.25, 82653.944, 3.420575e-5, 0.250308, 2.33894e-6, 1.10436),
    "III": (0.7, 1.2, 0.25, 2036.7946, 6.777251e-4, 0.422867, 1.17092e-4, 1.10826),
    "IVa": (0.45, 1.0, 0.0870828, 92.323823, 0.0172981, 0.508892, 0.00304529, 1.13189),
    "IVb": (0.27, 0.8, 0.0158446, 9.897218, 0.187757, 0.502036, 0.0313784, 1.27529),
}
LOSSES = {  # after 10, 100, 1000 and 10,000 steps
    "Ia": (0.233218, 0.0367190, 0.00653424, 0.00150024),
    "Ib": (2.05547, 1.05022, 0.822079, 0.793670),
    "Ic": (1.74075, 1.17009, 0.971223, 0.965253),
    "II": (0.112204, 0.00723855, 7.32526e-4, 1.59479e-4),
    "III": (0.0950863, 0.00658438, 0.00203635, 0.00125013),
    "IVa": (0.375178, 0.0609838, 0.0380116, 0.0352244),
    "IVb": (1.23917, 0.500879, 0.383256, 0.377050),
}
phases = pytest.mark.parametrize("phase", CONSTANTS)


def model_of(phase: str, d: float = 400, **arguments) -> PLRF:
    alpha, beta, *_ = CONSTANTS[phase]
    return PLRF(alpha, beta, d, **arguments)


@phases
@pytest.mark.parametrize("batch", [1, 8])
def test_a2_identities_at_the_start(phase, batch):
    model = model_of(phase, batch=batch)
    j = np.arange(1.0, 1601)
    lam = j ** (-2 * model.alpha)
    variance = np.sum(lam * j ** (-2 * model.beta))
    noise = model.lr**2 * batch * (np.sum(lam**2) + np.sum(lam) ** 2 / 400)
    assert float(model.forcing(0)) == pytest.approx(variance, rel=1e-10)
    assert float(model.kernel(0)) == pytest.approx(noise, rel=1e-10)
    assert model.trace() == pytest.approx(np.sum(lam), rel=1e-12)


@phases
def test_a2_reference_values(phase):
    _, _, lr, tau0, floor, norm, lower, upper = CONSTANTS[phase]
    model = model_of(phase)
    assert model.tau0() == pytest.approx(tau0, rel=1e-6)
    assert model.capacity_floor() == pytest.approx(floor, rel=2e-6)  # given to six digits
    measured = (model.lr, model.kernel_norm(), *model.edges())
    assert measured == pytest.approx((lr, norm, lower, upper), rel=1e-5)
    curve = model.loss_curve(10_000)
    assert curve.at([10, 100, 1000, 10_000]) == pytest.approx(LOSSES[phase], rel=1e-4)


@phases
def test_a3_the_contour_makes_no_difference(phase):
    model = model_of(phase)
    flat, steep = (march(model.modes_at(angle), 3000) for angle in (0.4, 0.7))
    assert flat.loss == pytest.approx(steep.loss, rel=1e-8)


@phases
def test_a3_growing_steps_agree_with_every_step(phase):
    model = model_of(phase)
    exact, fast = model.loss_curve(3000, growth=1), model.loss_curve(3000, growth=1.02)
    assert len(exact.steps) == 3001
    assert len(fast.steps) < 400
    assert fast.loss[-1] == pytest.approx(exact.loss[-1], rel=1e-4)


def test_every_step_solves_the_volterra_equation():
    model = model_of("III", d=50)
    curve = model.loss_curve(60, growth=1)
    forcing, kernel = model.forcing(np.arange(61)), model.kernel(np.arange(60))
    again = [forcing[r] + kernel[:r][::-1] @ curve.loss[:r] for r in range(61)]
    assert curve.loss == pytest.approx(again, rel=1e-11)


@pytest.mark.parametrize("phase", ["Ib", "Ic", "IVa", "IVb"])
def test_a8_the_curve_ends_at_the_limit(phase):
    model = model_of(phase)
    end = model.loss_curve(10**5).loss[-1]
    norm = model.kernel_norm()
    assert model.limit_loss() == pytest.approx(model.capacity_floor() / (1 - norm), rel=1e-14)
    assert end == pytest.approx(model.limit_loss(), rel=1e-6)


def lr_of_norm(norm: float) -> float:
    def excess(lr: float) -> float:
        return PLRF(0.4, 0.8, 200, lr=lr, allow_unstable=True).kernel_norm() - norm

    return brentq(excess, 0.01, 0.3, xtol=1e-12)


def test_a8_below_a_norm_of_one_the_loss_converges():
    model = PLRF(0.4, 0.8, 200, lr=lr_of_norm(0.9))
    assert model.loss_curve(20_000).loss[-1] == pytest.approx(model.limit_loss(), rel=1e-9)


def test_a8_above_a_norm_of_one_it_raises_and_diverges():
    lr = lr_of_norm(1.05)
    assert not PLRF(0.4, 0.8, 200).stable(lr)
    with pytest.raises(UnstableLearningRate, match=r"kernel norm is 1\.05") as caught:
        PLRF(0.4, 0.8, 200, lr=lr)
    assert caught.value.kernel_norm == pytest.approx(1.05, rel=1e-6)
    forced = PLRF(0.4, 0.8, 200, lr=lr, allow_unstable=True)
    assert forced.limit_loss() == math.inf
    # The sum over all earlier steps, term by term, gives the same 4.3728e9.
    assert forced.loss_curve(20_000).loss[-1] == pytest.approx(4.3728e9, rel=1e-4)


def test_single_modes_that_explode_have_an_infinite_norm():
    model = PLRF(1.0, 0.7, 100, lr=1.5, allow_unstable=True)
    assert model.kernel_norm() == math.inf
    assert model.sample().loss_curve(10_000).loss[-1] == math.inf
    with pytest.raises(UsageError, match="explode"):
        model.loss_curve(10)


def test_a_flat_spectrum_of_few_dimensions_has_a_stable_default():
    model = PLRF(0.11, 0.5, 7, v=700, batch=1000)
    largest = model.edges()[1]
    assert largest > 2
    assert model.lr * 1001 * largest <= 1 + 1e-12
    assert model.loss_curve(10**5).loss[-1] == pytest.approx(model.limit_loss(), rel=1e-9)


def test_a_learning_rate_at_the_largest_eigenvalue_is_refused():
    model = PLRF(0.52, 0.13, 21.5, v=math.inf, batch=1000)
    with pytest.raises(UnstableLearningRate):
        PLRF(0.52, 0.13, 21.5, v=math.inf, batch=1000, lr=2 / 1001 / model.edges()[1])


@pytest.mark.parametrize("alpha", [0.3, 0.45, 1.0])
def test_a9_the_cost_does_not_grow_with_the_width(alpha):
    few, many = PLRF(alpha, 0.8, 1e3), PLRF(alpha, 0.8, 1e11)
    # A hundred million times as wide is a fixed number of octaves more.
    assert len(many.modes.drop) < 4 * len(few.modes.drop)
    assert len(many.modes.drop) < 600
    assert len(many.loss_curve(10**15).steps) < 2000


def test_infinitely_many_features_are_the_limit_of_many():
    many, all_of_them = PLRF(1.0, 0.7, 100, v=1e7), PLRF(1.0, 0.7, 100, v=math.inf)
    expected = many.loss_curve(10_000).loss
    assert all_of_them.loss_curve(10_000).loss == pytest.approx(expected, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    alpha=st.floats(0.05, 2),
    beta=st.floats(0.05, 2),
    d=st.floats(1, 1e12),
    ratio=st.floats(1.5, 1e3),
    batch=st.integers(1, 64),
)
def test_losses_fall_from_the_variance_to_the_limit(alpha, beta, d, ratio, batch):
    model = PLRF(alpha, beta, d, v=math.ceil(ratio * d), batch=batch)
    curve = model.loss_curve(10**6, growth=1.1)
    forcing = model.forcing(curve.steps)
    slack = 1e-9 * forcing[0]
    assert np.all(np.diff(forcing) <= slack)
    assert np.all(curve.loss >= forcing - slack)
    assert np.all(forcing >= model.capacity_floor() * (1 - 1e-9))
    assert np.all(model.kernel(curve.steps) > -1e-12)
    assert model.kernel_norm() < 1


BAD = [
    ({"alpha": 0}, "alpha is 0"),
    ({"alpha": math.nan}, "alpha is nan"),
    ({"beta": -1}, "beta is -1"),
    ({"d": 0.5}, "d is 0.5"),
    ({"d": math.inf}, "d is inf"),
    ({"v": 100}, "v is 100"),
    ({"v": 100.4}, "v is 100.4"),
    ({"v": math.nan}, "v is nan"),
    ({"alpha": 0.5, "v": math.inf}, "alpha above 0.5"),
    ({"batch": 0}, "batch is 0"),
    ({"batch": 1.5}, "batch is 1.5"),
    ({"lr": 0}, "lr is 0"),
    ({"lr": math.inf}, "lr is inf"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_arguments_outside_their_range_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        PLRF(**{"alpha": 1.0, "beta": 0.7, "d": 100, **change})


@pytest.mark.parametrize("horizon", [0, -1, 2.5, math.inf, math.nan])
def test_a_horizon_is_a_number_of_steps(horizon):
    with pytest.raises(UsageError, match="horizon"):
        PLRF(1.0, 0.7, 100).loss_curve(horizon)


def test_growth_is_a_ratio_from_one():
    with pytest.raises(UsageError, match="growth"):
        PLRF(1.0, 0.7, 100).loss_curve(10, growth=0.9)


def test_between_steps_a_curve_is_interpolated_and_beyond_it_is_unknown():
    curve = PLRF(1.0, 0.7, 100).loss_curve(1000)
    assert curve.at(curve.steps) == pytest.approx(curve.loss, rel=1e-12)
    assert curve.loss[200] < float(curve.at(curve.steps[200] - 0.5)) < curve.loss[199]
    assert math.isnan(float(curve.at(1001)))


def test_forcing_and_kernel_have_the_shape_of_their_argument():
    model = PLRF(1.0, 0.7, 100)
    assert model.forcing(5).shape == ()
    assert model.kernel([[0, 1, 2]]).shape == (1, 3)
