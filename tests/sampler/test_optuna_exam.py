"""Optuna's own exam for samplers, with and without a model, with each partner.

Two things are not as in the other samplers' exams:

- ``SingleOnlySamplerTestCase`` is not inherited. It asks a sampler to refuse several objectives,
  ``MultiObjectiveSamplerTestCase`` to sample them: none can pass both, and ours hands such studies
  to its partner (Optuna's own exam of its TPE makes the same choice).
- Where the partner is TPE it is one without start-up trials, as in Optuna's own exam of TPE:
  ``RelativeSamplerTestCase`` asks after one trial, when the default still samples one by one.
"""

from __future__ import annotations

import pytest
from optuna.samplers import TPESampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from driftune.language_model import open_language_model
from driftune.sampler import FixedShare, LLMTPESampler
from driftune.sampler.gaussian_process import GaussianProcessSampler


class TestWithoutModel(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    @pytest.fixture
    def sampler(self):
        return lambda: LLMTPESampler(partner=TPESampler(n_startup_trials=0, seed=1), seed=1)


class TestWithScriptedModel(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    @pytest.fixture
    def sampler(self):
        return lambda: LLMTPESampler(
            language_model=open_language_model("scripted:tuner"),
            allocation=FixedShare(0.5, jitter_share=0.25),
            partner=TPESampler(n_startup_trials=0, seed=1),
            warm_start=[{"x": 1}],
            seed=1,
        )


class TestWithGaussianProcess(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    @pytest.fixture
    def sampler(self):
        return lambda: LLMTPESampler(
            partner=GaussianProcessSampler(n_startup_trials=1, seed=1), seed=1
        )


class TestWithAutoPartner(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    @pytest.fixture
    def sampler(self):
        return lambda: LLMTPESampler(partner="auto", seed=1)


class TestGaussianProcessAlone(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    """Without the sampler around it, and with its default of trials before the first fit."""

    @pytest.fixture
    def sampler(self):
        return lambda: GaussianProcessSampler(seed=1)
