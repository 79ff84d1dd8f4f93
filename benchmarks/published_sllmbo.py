"""What SLLMBO's released code does (arXiv 2410.20302), as far as the trials go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import TPESampler

from driftune.errors import LanguageModelError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel


class PublishedSLLMBO(TPESampler):
    """The middle of the ranges first, then a coin per parameter: the model's value or TPE's.

    So most configurations mix both, every parameter is a call of its own, and the model reads the
    incumbent alone. Kinder than the original in one way: where that stops at an answer that it
    cannot use, here TPE takes the parameter.

    Args:
        model: Whom to ask.
        seed: Of the coins and of univariate TPE.
    """

    def __init__(self, model: LanguageModel, seed: int) -> None:
        super().__init__(seed=seed, multivariate=False)
        self._model = model
        self._coin = np.random.default_rng([seed, 2])

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the middle, the model's value or TPE's."""
        assert isinstance(param_distribution, FloatDistribution | IntDistribution)
        if trial.number == 0:
            middle = (param_distribution.low + param_distribution.high) / 2
            return int(middle) if isinstance(param_distribution, IntDistribution) else middle
        if self._coin.random() < 0.5:
            value = self._ask(study, param_name, param_distribution)
            if value is not None:
                return value
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _ask(
        self, study: Study, name: str, distribution: FloatDistribution | IntDistribution
    ) -> Any:
        whole = isinstance(distribution, IntDistribution)
        limits = {"minimum": distribution.low, "maximum": distribution.high}
        schema = {
            "type": "object",
            "title": name,
            "properties": {"value": {"type": "integer" if whole else "number", **limits}},
            "required": ["value"],
            "additionalProperties": False,
        }
        best = {"configuration": study.best_params, "value": study.best_value}
        question = (
            f"You tune hyperparameters; lower is better. Best so far: {json.dumps(best)}. Suggest "
            f"{name}, between {distribution.low} and {distribution.high}, for the next trial. "
            'Answer with JSON alone, as {"value": ...}.'
        )
        try:
            reply = self._model.complete([{"role": "user", "content": question}], schema)
            value = json.loads(reply.text)["value"]
            value = int(value) if whole else float(value)
        except (LanguageModelError, ValueError, KeyError, TypeError):
            return None
        return value if distribution.low <= value <= distribution.high else None
