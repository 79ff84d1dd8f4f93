"""SLLMBO's sampler as its authors released it, with a language model behind it.

Source: ``LLM_TPE_SAMPLER`` with ``init_method="llm"`` (Mahammadli and Ertekin, arXiv 2410.20302;
code KananMahammadli/SLLMBO, MIT), whose rules are followed, not its code. What it does:

- Trial 0: the model is asked for each parameter alone. It reads a name and a range.
- Later: a coin between the model and univariate TPE for the whole configuration, *if* the model
  spoke last; else no configuration is drawn as a whole, and there is a coin for every parameter.
  So most configurations mix both sources.
- The model reads the best score and its configuration. It never sees the other trials.

The released code stops on an answer that it cannot read, and stores values outside their range. So
that a comparison is not decided by that, this one moves numbers into their range and takes the
code's own fallback, the middle of the range, for anything else; ``fallbacks`` counts it.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.search_space import intersection_search_space

from driftune.errors import LanguageModelError, UsageError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel, Message

Numeric = FloatDistribution | IntDistribution


class PublishedSLLMBO(BaseSampler):
    """The released LLM-TPE sampler, for comparison.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> from driftune.language_model import ScriptedLanguageModel
    >>> model = ScriptedLanguageModel(lambda messages, schema: {"x": 3})
    >>> study = optuna.create_study(sampler=PublishedSLLMBO(model, seed=0))
    >>> study.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=8)
    >>> study.trials[0].params, len(study.trials)
    ({'x': 3}, 8)

    Args:
        language_model: Whom to ask.
        model_name: The model that is tuned, for the prompt.
        metric: What the objective measures, for the prompt.
        problem: A sentence about the data, for the prompt.
        seed: Of the coins and of TPE.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        *,
        model_name: str = "",
        metric: str = "objective",
        problem: str = "",
        seed: int | None = None,
    ) -> None:
        self.fallbacks = 0
        self._model = language_model
        self._goal = {"tune": model_name, "metric": metric, "problem": problem}
        # Optuna 4.0's defaults, with which the paper was made
        self._tpe = TPESampler(seed=seed, multivariate=False, constant_liar=False)
        self._coin = np.random.default_rng(None if seed is None else [seed, 2])
        self._model_spoke_last = True

    def reseed_rng(self) -> None:
        """Draw a new seed, for the coins and TPE."""
        self._tpe.reseed_rng()
        self._coin = np.random.default_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return what all trials have in common, or nothing when TPE spoke last."""
        if not self._model_spoke_last:
            return {}
        return intersection_search_space(study.get_trials(deepcopy=False))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Toss the coin for the configuration; nothing is drawn when the space is empty."""
        self._model_spoke_last = trial.number == 0 or self._heads()
        if not self._model_spoke_last:
            return self._tpe.sample_relative(study, trial, search_space)
        return self._ask(study, search_space) if search_space else {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Toss the coin for one parameter; in trial 0 the model gives all."""
        self._model_spoke_last = self._heads() or trial.number == 0
        if not self._model_spoke_last:
            return self._tpe.sample_independent(study, trial, param_name, param_distribution)
        return self._ask(study, {param_name: param_distribution})[param_name]

    def _heads(self) -> bool:
        return bool(self._coin.random() < 0.5)

    def _ask(self, study: Study, space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """One question about the parameters of ``space``."""
        limits = {name: _numeric(name, distribution) for name, distribution in space.items()}
        messages = build_messages(study, self._goal, limits)
        try:
            answer = read_answer(self._model.complete(messages, _schema(limits)).text)
        except LanguageModelError:
            answer = {}
        values = {}
        for name, limit in limits.items():
            value = _place(answer.get(name), limit)
            self.fallbacks += value is None
            values[name] = _middle(limit) if value is None else value
        return values


def build_messages(study: Study, goal: dict[str, str], limits: dict[str, Numeric]) -> list[Message]:
    """Write the question: the goal, the incumbent if there is one, the ranges.

    Args:
        study: Whose best trial is shown; other trials are not.
        goal: What is tuned, by what metric, on what data.
        limits: The parameters that are asked for.
    """
    direction = study.direction.name.lower()
    lines = [json.dumps({**goal, "direction": direction})]
    if best := _incumbent(study):
        lines += ["Current best score and its parameters:"]
        lines += [json.dumps({"value": best.value, "configuration": best.params})]
    lines += ["Parameter ranges:"]
    lines += [json.dumps(_describe(name, limit)) for name, limit in limits.items()]
    lines += [json.dumps({"propose": 1})]
    lines += ["Suggest a value for each range, as JSON: {parameter: value}. No other text."]
    system = "You tune hyperparameters of machine learning models. Stay inside the ranges."
    return [
        {"role": "system", "content": system},
        {"role": "user", "content": "\n".join(lines)},
    ]


def read_answer(text: str) -> dict[str, Any]:
    """Find the values in an answer.

    Reads a bare ``{name: value}``, one among prose, and the ``proposals`` that models behind
    driftune's own prompt give; anything else is empty.

    >>> read_answer('Sure! {"max_depth": 6}')
    {'max_depth': 6}
    >>> read_answer('{"proposals": [{"configuration": {"max_depth": 6}}]}')
    {'max_depth': 6}
    >>> read_answer("six")
    {}
    """
    try:
        document = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return {}
    if isinstance(document, dict) and isinstance(document.get("proposals"), list):
        document = document["proposals"][0] if document["proposals"] else {}
    if isinstance(document, dict) and isinstance(document.get("configuration"), dict):
        document = document["configuration"]
    return document if isinstance(document, dict) else {}


def _incumbent(study: Study) -> FrozenTrial | None:
    try:
        return study.best_trial
    except ValueError:  # Optuna's word for: no trial is complete
        return None


def _describe(name: str, limit: Numeric) -> dict[str, Any]:
    kind = "int" if isinstance(limit, IntDistribution) else "float"
    return {"name": name, "type": kind, "low": limit.low, "high": limit.high}


def _schema(limits: dict[str, Numeric]) -> dict[str, Any]:
    kinds = {
        name: {"type": "integer" if isinstance(limit, IntDistribution) else "number"}
        for name, limit in limits.items()
    }
    return {
        "type": "object",
        "properties": kinds,
        "required": list(kinds),
        "additionalProperties": False,
    }


def _numeric(name: str, distribution: BaseDistribution) -> Numeric:
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise UsageError(f"SLLMBO as published has numbers only; {name!r} is {distribution}.")
    return distribution


def _place(value: Any, limit: Numeric) -> float | int | None:
    """Move a number into its range; ``None`` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    moved = min(max(value, limit.low), limit.high)
    return round(moved) if isinstance(limit, IntDistribution) else float(moved)


def _middle(limit: Numeric) -> float | int:
    if isinstance(limit, IntDistribution):
        return limit.low + (limit.high - limit.low) // 2
    return (limit.low + limit.high) / 2
