"""A Gaussian process among constraints: it finds the way to where something is feasible."""

import numpy as np
import optuna
import pytest

from driftune.sampler import LLMTPESampler


def run(seed, n_trials):
    study = optuna.create_study(sampler=LLMTPESampler(seed=seed))

    def objective(trial):
        x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(5)])
        trial.set_constraint("sum", float(np.exp(3 * (x.sum() - 1)) - 1))  # 1 point of 120 is fine
        return float(((x - 0.7) ** 2).sum())

    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.mark.parametrize("seed", range(3))
def test_a_small_feasible_region_is_found(seed):
    assert run(seed, 16).best_value < 1.9  # feasible, and better than the origin's 2.45
