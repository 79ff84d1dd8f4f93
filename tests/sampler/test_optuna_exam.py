"""Optuna's own exam for samplers, with and without a model, with each partner.

``SingleOnlySamplerTestCase`` is the only class of the exam that is not inherited: it asks a sampler
to refuse several objectives, and ours hands such studies to its partner.
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


class TestWithAutoPartner(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """The relative part asks after one trial; either of its engines starts later by default."""

    @pytest.fixture
    def sampler(self):
        return lambda: LLMTPESampler(partner="auto", seed=1)
