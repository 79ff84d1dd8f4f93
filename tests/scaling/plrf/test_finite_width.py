"""A4, A5: the algorithm against its expectation, and one draw of features against the model."""

import numpy as np
import pytest

from driftune.errors import UsageError
from driftune.scaling import PLRF

POINTS = {"Ia": (1.0, 0.3), "II": (1.0, 0.7), "III": (0.7, 1.2), "IVa": (0.45, 1.0)}
CHECKED = [300, 1000, 2000]  # earlier losses have heavy tails


@pytest.mark.parametrize(("phase", "batch"), [*((name, 1) for name in POINTS), ("II", 4)])
def test_a4_gradient_descent_agrees_with_its_expectation(phase, batch):
    drawn = PLRF(*POINTS[phase], 200, batch=batch).sample(seed=0)
    runs = drawn.simulate_sgd(2000, n_runs=64, seed=1)[:, CHECKED]
    expected = drawn.loss_curve(2000, growth=1).at(CHECKED)
    error = runs.std(axis=0, ddof=1) / 8
    assert np.all(np.abs(runs.mean(axis=0) - expected) <= np.maximum(0.15 * expected, 4 * error))


@pytest.mark.parametrize("phase", POINTS)
def test_a5_the_model_is_the_mean_of_draws(phase):
    model = PLRF(*POINTS[phase], 200)
    draws = [model.sample(seed).loss_curve(20_000).loss for seed in range(4)]
    off = np.abs(np.log(np.mean(draws, axis=0) / model.loss_curve(20_000).loss))
    assert off.mean() < 0.05
    assert off.max() < 0.12


def test_the_first_losses_are_exact():
    drawn = PLRF(0.7, 1.2, 30).sample(seed=3)
    runs = drawn.simulate_sgd(2, n_runs=50_000, seed=0)
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    expected = drawn.loss_curve(2).loss
    assert runs[:, 0] == pytest.approx(expected[0], rel=1e-12)
    assert np.all(np.abs(runs.mean(axis=0) - expected)[1:] < 4 * error[1:])


@pytest.mark.parametrize("batch", [1, 3])
def test_modes_agree_with_the_recursion_of_the_whole_covariance(batch):
    drawn = PLRF(0.7, 0.4, 12, batch=batch).sample(seed=0)
    lam, lr = np.diag(drawn.eigenvalues), drawn.lr
    covariance, losses = np.outer(drawn.optimum, drawn.optimum), []
    for _ in range(200):
        losses.append(drawn.residual + np.trace(lam @ covariance))
        noise = batch * (lam * losses[-1] + lam @ covariance @ lam)
        drift = np.eye(12) - lr * batch * lam
        covariance = drift @ covariance @ drift + lr**2 * noise
    assert drawn.loss_curve(199, growth=1).loss == pytest.approx(losses, rel=1e-12)


def test_a_draw_is_the_least_squares_problem_it_stands_for():
    model = PLRF(0.6, 0.4, 5, v=12)
    drawn = model.sample(seed=7)
    j = np.arange(1.0, 13)
    features = np.random.default_rng(7).standard_normal((12, 5)) / np.sqrt(5)
    rows, target = j[:, None] ** -0.6 * features, j**-1.0
    best, residual, *_ = np.linalg.lstsq(rows, target)
    assert np.sort(drawn.eigenvalues) == pytest.approx(np.linalg.eigvalsh(rows.T @ rows))
    assert drawn.residual == pytest.approx(residual[0])
    assert np.sum(drawn.optimum**2) == pytest.approx(best @ best)
    assert drawn.loss_curve(1).loss[0] == pytest.approx(target @ target)


def test_a8_a_draw_diverges_where_its_norm_says_so():
    model = PLRF(0.4, 0.8, 60, lr=0.3, allow_unstable=True)
    drawn = model.sample(seed=0)
    assert drawn.kernel_norm > 1
    assert drawn.loss_curve(5000).loss[-1] > 1e6


def test_seeds_repeat_and_differ():
    drawn = PLRF(1.0, 0.7, 10).sample(seed=0)
    first, again, other = (drawn.simulate_sgd(5, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("d", "message"), [(10.5, "whole"), (1e6, "50,000,000")])
def test_features_that_cannot_be_drawn_are_refused(d, message):
    with pytest.raises(UsageError, match=message):
        PLRF(1.0, 0.7, d).sample()
