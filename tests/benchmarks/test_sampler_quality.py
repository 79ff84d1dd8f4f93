"""The sampler benchmark, small: fails when a change makes the sampler clearly worse.

Seven tasks in ten dimensions, one seed, 30 trials. What a source proposes is judged trial by trial,
which tells a good sampler from a bad one by factors where the best trial so far differs by tenths.
"""

from __future__ import annotations

import logging
import sys

import numpy as np
import optuna
import pytest
from optuna.samplers import TPESampler

from driftune.sampler import EarnedShare, FixedShare, LLMTPESampler, source_of
from driftune.sampler.gaussian_process import GaussianProcessSampler

FAMILY, TRIALS = "boosting", 30

BOUNDS = {  # arm, what is measured -> bound; the present code on four seeds, with the defect
    ("portfolio+null", "start"): 0.15,  # 0.09, without its warm start 0.20 and more
    ("portfolio+null", "partner"): 0.40,  # 0.10 to 0.12, at random 0.97
    ("portfolio+null", "jitter"): 0.60,  # 0.07 to 0.11, at random 1.9
    ("random+earned", "share"): 0.33,  # 0.10 to 0.12, by FixedShare 0.46
    ("bad+earned", "share"): 0.25,  # 0.04 to 0.05, by FixedShare without a veto 0.45
    ("good+earned", "end"): 0.025,  # 0.003 to 0.011, without the model 0.038 and more
}


@pytest.fixture(scope="module")
def measure(bench):
    tasks, arms = bench("tuning_tasks"), bench("sampler_arms")
    logger, before = logging.getLogger("driftune.sampler"), optuna.logging.get_verbosity()

    def run(arm, index):
        task = tasks.load_tasks(FAMILY)[index]
        portfolio = tasks.learn_portfolio_without(FAMILY, index)
        sampler, _ = arms.build_sampler(arm, task, portfolio, 1000 * index)
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda t: task.regret(tasks.suggest(t, task.space)), n_trials=TRIALS)
        return study.trials

    def measure(arm):
        studies = [run(arm, index) for index in range(len(tasks.load_tasks(FAMILY)))]
        trials = [trial for study in studies for trial in study]
        by_source = {name: [] for name in ("warm_start", "jitter", "llm", "partner")}
        for trial in trials:
            source = source_of(trial)
            by_source[source if source in by_source else "partner"].append(trial.value)
        curves = np.minimum.accumulate([[t.value for t in study] for study in studies], axis=1)
        return {
            "start": curves[:, 4].mean(),
            "end": curves[:, -1].mean(),
            "partner": np.median(by_source["partner"]),
            "jitter": np.mean(by_source["jitter"] or [np.nan]),
            "share": len(by_source["llm"]) / len(trials),
        }

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logger.setLevel(logging.ERROR)
    yield measure
    optuna.logging.set_verbosity(before)
    logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("arm", sorted({arm for arm, _ in BOUNDS}))
def test_the_sampler_is_as_good_as_it_was(measure, arm):
    measured = measure(arm)
    for (of, what), bound in BOUNDS.items():
        assert of != arm or measured[what] <= bound, what


@pytest.mark.parametrize(
    ("defect", "arm", "what"),
    [
        ("warm start ignored", "portfolio+null", "start"),
        ("partner at random", "portfolio+null", "partner"),
        ("jitter at random", "portfolio+null", "jitter"),
        ("share not earned", "random+earned", "share"),
        ("share not earned and no veto", "bad+earned", "share"),
        ("model never asked", "good+earned", "end"),
    ],
)
def test_a_planted_defect_is_found(measure, bench, monkeypatch, defect, arm, what):
    _plant(defect, monkeypatch, bench("positions"))
    assert measure(arm)[what] > BOUNDS[arm, what]


def _plant(defect, monkeypatch, positions):
    rng = np.random.default_rng(0)

    def guess(space):
        return positions.read_configurations(rng.random((1, len(space))), space)[0]

    def patch(owner, name, replacement):
        monkeypatch.setattr(owner, name, replacement)

    def replace(module, name, replacement):
        """Wherever it was imported to."""
        original = vars(sys.modules[f"driftune.sampler.{module}"])[name]
        for path, imported in list(sys.modules.items()):
            if path.startswith("driftune.sampler.") and vars(imported).get(name) is original:
                patch(imported, name, replacement)

    if defect == "warm start ignored":
        patch(LLMTPESampler, "before_trial", lambda self, study, trial: None)
    elif defect == "partner at random":
        for partner in (TPESampler, GaussianProcessSampler):
            patch(partner, "sample_relative", lambda self, study, trial, space: guess(space))
    elif defect == "jitter at random":
        replace("jitter", "jitter", lambda incumbent, space, *_, **__: guess(space))
    else:
        share = FixedShare(0.0 if defect == "model never asked" else 0.5)
        patch(EarnedShare, "choose", lambda self, *args, **kwargs: share.choose(*args, **kwargs))
    if defect.endswith("no veto"):
        replace("veto", "is_hopeless", lambda *_, **__: False)
