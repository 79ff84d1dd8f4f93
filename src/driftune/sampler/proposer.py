"""Asks the language model, keeps what it answered in storage, and hands out one proposal a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError
from driftune.sampler import record
from driftune.sampler.prompt import build_messages, build_repair
from driftune.sampler.proposals import Proposal, accept, build_schema, read_proposals
from driftune.sampler.record import source_of
from driftune.sampler.unit_cube import is_same_point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel, Message, Reply


class NoProposal(Exception):
    """The model has nothing to run; ``reason`` is one word, the message says more."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ModelProposer:
    """Turns a language model into a source of whole configurations.

    One question brings several proposals; they are stored on the trial that asked, and later turns
    take them from there, whichever process they run in.

    Args:
        model: Whom to ask.
        metric: What the objective measures.
        data_card: A summary of the data, if there is one.
        proposals_per_call: Configurations wanted per question.
        max_calls: Questions per study, repair questions included, over all processes.
        max_failures: Turns in a row without a usable answer after which the model is left alone.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        metric: str = "",
        data_card: str | None = None,
        proposals_per_call: int = 4,
        max_calls: int = 25,
        max_failures: int = 3,
    ) -> None:
        self.model = model
        self._metric = metric
        self._data_card = data_card
        self._proposals_per_call = proposals_per_call
        self._max_calls = max_calls
        self._max_failures = max_failures

    def can_propose(
        self, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
    ) -> bool:
        """Whether a turn makes sense: the model is not given up, and has a proposal or a call."""
        if not space or _count_failures(trials) >= self._max_failures:
            return False
        if _count_calls(trials) < self._max_calls:
            return True
        return self._next_in_queue(trials, space) is not None

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return a configuration inside ``space`` and record on ``trial`` where it comes from.

        Args:
            study: The study.
            trial: The trial that is to be proposed.
            trials: All other trials.
            space: The hard limits.

        Raises:
            NoProposal: If there is none; what was spent is recorded all the same.
        """
        proposal = self._claim(study, trial, trials, space)
        if proposal is None and _count_calls(trials) < self._max_calls:
            self._ask(study, trial, trials, space)
            proposal = self._claim(study, trial, [*trials, trial], space)
        if proposal is None:
            raise NoProposal("duplicate", "other trials run all that it proposed")
        facts = {
            record.SOURCE: "llm",
            record.RATIONALE: proposal.rationale,
            record.EXPECTED: proposal.expected,
        }
        record.record(study, trial, facts)
        return accept(proposal.configuration, space)

    def _claim(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
    ) -> Proposal | None:
        """Take the next proposal for ``trial``; two workers never take the same one."""
        while (claimed := self._next_in_queue(trials, space)) is not None:
            claim, proposal = claimed
            record.record(study, trial, {record.CLAIM: claim})
            trials = record.read_trials(study)
            rivals = [t for t in trials if t.number != trial.number]
            if all(other.system_attrs.get(record.CLAIM) != claim for other in rivals):
                return proposal
            # Whoever sees a rival lets go; if both do, one proposal is lost and no trial doubled.
        return None

    def _next_in_queue(
        self, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
    ) -> tuple[list[int], Proposal] | None:
        claims = [trial.system_attrs.get(record.CLAIM) for trial in trials]
        for asked in trials:
            for index, document in enumerate(asked.system_attrs.get(record.PROPOSALS, ())):
                claim = [asked.number, index]
                if claim in claims:
                    continue
                proposal = Proposal(**document)
                if _is_new(proposal, trials, space):
                    return claim, proposal
        return None

    def _ask(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
    ) -> None:
        messages = build_messages(
            space=space,
            trials=trials,
            direction=study.direction,
            count=self._proposals_per_call,
            metric=self._metric,
            data_card=self._data_card,
        )
        reply, new, problems = self._question(study, trial, trials, space, messages)
        if not new and _count_calls([*trials, trial]) < self._max_calls:
            messages = messages + build_repair(reply.text, problems)
            reply, new, problems = self._question(study, trial, trials, space, messages)
        if not new:
            raise NoProposal("unusable", "; ".join(problems[:3]))
        documents = [proposal.to_json() for proposal in new]
        record.record(study, trial, {record.PROPOSALS: documents})

    def _question(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
        messages: list[Message],
    ) -> tuple[Reply, list[Proposal], list[str]]:
        # Counted before it is made: a kill during the call must not make it free.
        calls = trial.system_attrs.get(record.CALLS, 0) + 1
        record.record(study, trial, {record.CALLS: calls})
        try:
            reply = self.model.complete(messages, build_schema(space))
        except (LanguageModelError, OSError) as error:
            raise NoProposal(type(error).__name__, str(error)) from error
        _charge(study, trial, reply)
        proposals, problems = read_proposals(reply.text, space)
        new = [proposal for proposal in proposals if _is_new(proposal, trials, space)]
        if len(new) < len(proposals):
            problems.append("Some proposals repeat configurations that were already run.")
        return reply, new, problems


def _charge(study: Study, trial: FrozenTrial, reply: Reply) -> None:
    def add(name: str, amount: float) -> float:
        before: float = trial.system_attrs.get(name, 0)
        return before + amount

    facts = {
        record.MODEL: reply.model,
        record.PROMPT_TOKENS: add(record.PROMPT_TOKENS, reply.prompt_tokens),
        record.COMPLETION_TOKENS: add(record.COMPLETION_TOKENS, reply.completion_tokens),
        record.SECONDS: add(record.SECONDS, reply.seconds),
        record.COST_USD: None if reply.cost_usd is None else add(record.COST_USD, reply.cost_usd),
    }
    record.record(study, trial, facts)


def _is_new(
    proposal: Proposal, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
) -> bool:
    try:
        values = accept(proposal.configuration, space)
    except ValueError:
        return False  # the space has changed since the model was asked
    return not any(is_same_point(values, trial.params, space) for trial in trials)


def _count_calls(trials: Sequence[FrozenTrial]) -> int:
    return int(sum(record.read_spending(trial, record.CALLS) for trial in trials))


def _count_failures(trials: Sequence[FrozenTrial]) -> int:
    failures = 0
    for trial in trials:
        if record.FALLBACK in trial.system_attrs:
            failures += 1
        elif source_of(trial) == "llm":
            failures = 0
    return failures
