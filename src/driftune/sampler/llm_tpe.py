"""LLM-TPE: a classical sampler that shares its trials with a language model, if that earns it."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from optuna.search_space import IntersectionSearchSpace
from optuna.trial import TrialState

from driftune.errors import UsageError
from driftune.language_model import open_language_model
from driftune.sampler import record
from driftune.sampler.allocation import EarnedShare
from driftune.sampler.arguments import check_numbers, check_objects
from driftune.sampler.branch import incumbents_branch, jitter_in_branch
from driftune.sampler.dynamic_space import bound
from driftune.sampler.forwarding import SeededSampler
from driftune.sampler.history import (
    DONE,
    Judge,
    find_incumbent,
    find_incumbent_values,
    is_feasible,
)
from driftune.sampler.partner import find_engine, name_source, open_partner
from driftune.sampler.prompt import Brief
from driftune.sampler.proposer import ModelProposer, NoProposal
from driftune.sampler.purse import Purse
from driftune.sampler.record import source_of
from driftune.sampler.starters import Starters
from driftune.sampler.steering import read_box, steer
from driftune.sampler.veto import is_hopeless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel
    from driftune.sampler.allocation import Allocation
    from driftune.sampler.dynamic_space import DynamicSpace, Ranges
    from driftune.sampler.history import Outcome

_logger = logging.getLogger("driftune.sampler")

_FEWEST_FOR_JITTER = 4  # completed trials; before that the incumbent is an accident


class LLMTPESampler(SeededSampler):
    """Samples each trial, as a whole, from one source: warm start, TPE, null or language model.

    Warm-start configurations run first. Then an allocation chooses who proposes: the classical
    partner, the null model that jitters the incumbent, or the language model, which is asked
    rarely (several configurations per question) and reads the whole history. Whatever goes wrong
    with the model, the partner takes the turn. All state is on the trials: a study goes on from
    its storage alone.

    >>> import optuna
    >>> from driftune.language_model import ScriptedLanguageModel
    >>> from driftune.sampler import FixedShare, LLMTPESampler, source_of
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> answer = {"proposals": [{"configuration": {"x": 1.9}, "rationale": "2 looks like a root."}]}
    >>> sampler = LLMTPESampler(
    ...     language_model=ScriptedLanguageModel([answer]),
    ...     search_space={"x": optuna.distributions.FloatDistribution(-10, 10)},
    ...     warm_start=[{"x": 3.0}],
    ...     allocation=FixedShare(1.0),
    ...     max_model_calls=1,
    ...     seed=1,
    ... )
    >>> study = optuna.create_study(sampler=sampler)
    >>> study.optimize(lambda trial: abs(trial.suggest_float("x", -10, 10) - 2), n_trials=3)
    >>> [(source_of(t), t.params["x"]) for t in study.trials[:2]]
    [('warm_start', 3.0), ('llm', 1.9)]
    >>> study.trials[1].system_attrs["driftune:rationale"]
    '2 looks like a root.'

    The idea is SLLMBO's (Mahammadli and Ertekin, arXiv 2410.20302), with whole configurations in
    place of a coin per parameter and an earned in place of a fixed share. Fallbacks are logged
    once per reason; ``logging.getLogger("driftune.sampler").setLevel("ERROR")`` silences them.

    Args:
        language_model: Whom to ask: a ``LanguageModel``, or a string for
            ``open_language_model``; ``None`` samples from the other sources only.
        allocation: Who proposes; default ``EarnedShare()``.
        partner: The classical sampler: "auto" (a Gaussian process below 250 trials where all
            parameters are numeric and none is conditional, else TPE), "tpe", "gp" (needs SciPy), or
            Optuna's ``TPESampler``, ``GPSampler`` or ``RandomSampler`` with your settings.
        warm_start: Configurations to run first. Parameters that one lacks are sampled by the
            partner; numbers outside a range are clipped, unknown categories sampled.
        search_space: The limits, if known beforehand: then the model can propose from the first
            trial on. Else they are learned from the trials.
        data_card: A summary of the data for the model, in text.
        metric: What the objective measures, for the model.
        proposals_per_call: Configurations per question.
        max_model_calls: Calls per study, repair questions included, over all processes and
            restarts; a call is made up to three times where the connection breaks.
        max_model_failures: Questions in a row without a usable answer after which the model is
            left alone by this process.
        max_cost_usd: Dollars per study, over all processes and restarts, counted in storage before
            each call; 0 for no call at all. ``None``: one dollar for a model that is named, no
            limit but its own for an object.
        allow_unpriced: Whether a model that is named may be asked although its price is unknown.
        max_wait: Share of the trials' time that may be spent waiting for an answer; a later one is
            used when it comes. 0 never waits; ``None`` waits as long as it takes, as a study must
            that is to run on the model alone, or to be replayed bit for bit from slow answers.
            Until a trial has ended it waits ten seconds, where trials take milliseconds up to a
            minute in all.
        prefetch: Ask the next question while a trial trains.
        veto: A proposal that the partner's model rates below this quantile of random
            configurations is not run; 0 runs all.
        dynamic_space: Lets the model and a rule move the ranges inside the limits.
        history: How the model is told the past: "table", or "summary" or "memory" as in SLLMBO.
        min_delta: An improvement must be larger than that, in units of the objective.
        seed: Makes the sampler deterministic, given the replies.

    Raises:
        UsageError: If the partner is of another kind or a number is not positive.
        MissingPackage: If the partner is "gp" and SciPy is not installed.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings
        self,
        *,
        language_model: LanguageModel | str | None = None,
        allocation: Allocation | None = None,
        partner: BaseSampler | str = "auto",
        warm_start: Sequence[Mapping[str, Any]] = (),
        search_space: Mapping[str, BaseDistribution] | None = None,
        data_card: str | None = None,
        metric: str = "",
        proposals_per_call: int = 4,
        max_model_calls: int = 25,
        max_model_failures: int = 3,
        max_cost_usd: float | None = None,
        allow_unpriced: bool = False,
        max_wait: float | None = 0.05,
        prefetch: bool = True,
        veto: float = 0.3,
        dynamic_space: DynamicSpace | None = None,
        history: str = "table",
        min_delta: float = 0.0,
        seed: int | None = None,
    ) -> None:
        check_numbers(
            proposals_per_call=(proposals_per_call, 1, 100),
            max_model_calls=(max_model_calls, 0, inf),
            max_model_failures=(max_model_failures, 1, inf),
            max_cost_usd=(max_cost_usd, 0, inf),
            max_wait=(max_wait, 0, inf),
            veto=(veto, 0, 1),
            min_delta=(min_delta, 0, inf),
            seed=(seed, 0, 2**32 - 1),
        )
        check_objects(
            language_model=language_model, allocation=allocation, warm_start=warm_start,
            search_space=search_space, dynamic_space=dynamic_space,
        )  # fmt: skip
        brief = Brief(
            metric=metric,
            data_card=data_card,
            count=proposals_per_call,
            ranges=dynamic_space is not None and dynamic_space.by_model,
            history=history,
        )
        self._partner = open_partner(partner, seed)
        super().__init__(seed, self._partner)
        self._allocation = EarnedShare() if allocation is None else allocation
        self._starters = Starters(warm_start)
        self._declared = None if search_space is None else dict(search_space)
        self._learned = IntersectionSearchSpace(include_pruned=True)
        self._prefetch, self._veto, self._min_delta = prefetch, veto, min_delta
        self._dynamic = dynamic_space
        if isinstance(language_model, str):
            language_model = open_language_model(
                language_model,
                max_calls=3 * max_model_calls,  # requests, of which a call may need three
                max_cost_usd=1.0 if max_cost_usd is None else max_cost_usd,
                allow_unpriced=allow_unpriced,
            )
        self._proposer: ModelProposer | None = None
        if language_model is not None:
            self._proposer = ModelProposer(
                language_model,
                brief=brief,
                purse=Purse(max_model_calls, max_cost_usd),
                max_failures=max_model_failures,
                max_wait=max_wait,
            )
        self._told: set[str] = set()
        self._judge = Judge(min_delta)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the declared space, else what the trials have in common."""
        partners = self._partner.infer_relative_search_space(study, trial)
        if study._is_multi_objective():
            return partners
        own = self._learned.calculate(study) if self._declared is None else self._declared
        return {**partners, **{name: d for name, d in own.items() if not d.single()}}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose the source of this trial and return its configuration."""
        if "fixed_params" in trial.system_attrs or study._is_multi_objective():
            if study._is_multi_objective() and self._proposer is not None:
                self._tell("objectives", "With several objectives the partner samples alone.")
            return self._sample_partner(study, trial, search_space)
        if self._dynamic is not None:
            self._dynamic.check(search_space)
        others = [t for t in record.read_trials(study) if t.number != trial.number]
        ahead = self._prefetch and self._starters.is_last(trial)
        configuration: dict[str, Any] = {}  # of a warm start: comes value by value
        if record.WARM_START not in trial.system_attrs:
            configuration = self._sample_one(study, trial, others, search_space)
            ahead = self._prefetch
        if self._proposer is not None:
            if ahead:
                self._proposer.prefetch(study, trial, others, search_space)
            self._proposer.patience.starts(trial.number)
        return configuration

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the warm start's value, if this trial has one, else the partner's."""
        with suppress(LookupError):
            return self._starters.find_value(trial, param_name, param_distribution)
        if self._dynamic is not None:
            self._dynamic.check({param_name: param_distribution})
            box = read_box(record.read_trials(study), self._dynamic.first_box())
            param_distribution = bound({param_name: param_distribution}, box.ranges)[param_name]
        return self._partner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Give the trial its warm-start configuration while there are any left."""
        super().before_trial(study, trial)
        self._starters.assign(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Record what the trial gained over the incumbent of its time."""
        super().after_trial(study, trial, state, values)
        if self._proposer is not None:
            self._proposer.patience.ends(trial.number)
            self._proposer.collect(study, trial, wait=False)
        if state != TrialState.COMPLETE or not values or study._is_multi_objective():
            return
        others = [t for t in record.read_trials(study) if t.number != trial.number]
        incumbent = find_incumbent(self._judge.judge(others, study.direction))
        if incumbent is not None and incumbent.loss is not None and is_feasible(trial):
            sign = -1.0 if study.direction.name == "MAXIMIZE" else 1.0
            gain = incumbent.loss - sign * values[0]
            if isfinite(gain):
                record.record(study, trial, {record.GAIN: gain if gain > self._min_delta else 0.0})

    def _sample_one(
        self,
        study: Study,
        trial: FrozenTrial,
        others: Sequence[FrozenTrial],
        space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Let one source propose the whole configuration; the partner stands in for the model."""
        if self._proposer is not None:
            self._proposer.collect(study, trial)
        history = self._judge.judge(others, study.direction)
        branch = incumbents_branch(others, history, space)
        incumbent = find_incumbent_values(others, history, branch)
        ranges: Ranges = {}
        if self._dynamic is not None:
            box = steer(self._dynamic, study, trial, others, history, incumbent, branch)
            ranges = box.ranges
        rng = self._open_stream(trial)
        source = self._choose_source(study, trial, others, history, incumbent, space, rng)
        if source == "llm" and self._proposer is not None:
            veto = partial(
                is_hopeless, self._partner, study, trial, space, quantile=self._veto, rng=rng
            )
            try:
                return self._proposer.propose(study, trial, others, space, veto)
            except NoProposal as event:
                values = self._sample_partner(study, trial, space, ranges)
                self._fall_back(study, trial, event)
                return values
        elif source == "jitter" and incumbent is not None:
            record.record(study, trial, {record.SOURCE: "jitter"})
            conditional = len(branch) < len(space)
            return jitter_in_branch(incumbent, bound(branch, ranges), rng, conditional=conditional)
        return self._sample_partner(study, trial, space, ranges)

    def _choose_source(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        history: Sequence[Outcome],
        incumbent: Mapping[str, Any] | None,
        space: Mapping[str, BaseDistribution],
        rng: np.random.Generator,
    ) -> str:
        sources = [name_source(find_engine(self._partner, study, trial.number))]
        if incumbent is not None and sum(o.usable for o in history) >= _FEWEST_FOR_JITTER:
            sources.append("jitter")
        if self._proposer is not None and self._proposer.can_propose(study, trials, space):
            sources.append("llm")
        if len(sources) == 1:
            return sources[0]
        chosen = self._allocation.choose(history, sources, rng)
        if chosen not in sources:
            raise UsageError(
                f"{type(self._allocation).__name__} chose {chosen!r} where only "
                f"{', '.join(sources)} can propose; choose among the sources given."
            )
        return chosen

    def _sample_partner(
        self,
        study: Study,
        trial: FrozenTrial,
        space: Mapping[str, BaseDistribution],
        ranges: Ranges | None = None,
    ) -> dict[str, Any]:
        if record.SOURCE not in trial.system_attrs and "fixed_params" not in trial.system_attrs:
            engine = find_engine(self._partner, study, trial.number)
            source = "random" if _is_starting(engine, study) else name_source(engine)
            record.record(study, trial, {record.SOURCE: source})
        inferred = self._partner.infer_relative_search_space(study, trial)
        common = {name: d for name, d in inferred.items() if name in space}
        return self._partner.sample_relative(study, trial, bound(common, ranges or {}))

    def _fall_back(self, study: Study, trial: FrozenTrial, event: NoProposal) -> None:
        record.record(study, trial, {record.FALLBACK: event.reason})
        self._tell(
            event.reason,
            f"Trial {trial.number} is sampled by {source_of(trial)} instead of the language model "
            f"({event.reason}: {event}).",
        )
        if self._proposer is not None and self._proposer.has_given_up(study):
            self._tell("given up", "The language model is left alone until the next start.")

    def _tell(self, about: str, sentence: str) -> None:
        if about not in self._told:
            self._told.add(about)
            _logger.warning(
                "%s Told once per reason; raise the level of the logger 'driftune.sampler' to "
                "silence it.",
                sentence,
            )


def _is_starting(engine: BaseSampler, study: Study) -> bool:
    needed = getattr(engine, "_n_startup_trials", 0)
    return len(study.get_trials(deepcopy=False, states=DONE)) < needed
