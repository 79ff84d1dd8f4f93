"""Asks the language model, keeps what it answered in storage, and hands out one proposal a turn."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from driftune.errors import SpendLimitReached
from driftune.language_model.lock import FreshLock
from driftune.language_model.protocol import worst_cost_of
from driftune.sampler import record
from driftune.sampler.asking import Question, ask
from driftune.sampler.history import LATE, SPENT
from driftune.sampler.insight import describe_view
from driftune.sampler.patience import Patience
from driftune.sampler.prompt import build_messages
from driftune.sampler.proposals import Proposal, accept, build_schema, is_new

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.language_model import LanguageModel, Message
    from driftune.sampler.asking import Finding
    from driftune.sampler.prompt import Brief
    from driftune.sampler.purse import Purse

    Veto = Callable[[Mapping[str, Any]], bool]


class NoProposal(Exception):
    """The model has nothing to run; ``reason`` is one word, the message says more."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ModelProposer:
    """Turns a language model into a source of whole configurations.

    One question brings several proposals. It is asked in the background, while a trial trains; the
    answer is stored on the trial at hand when it comes, and later turns take their proposals from
    there, whichever process they run in.

    Args:
        model: Whom to ask.
        brief: What every question says.
        purse: Limits of calls and money.
        max_failures: Questions in a row without a usable answer after which the model is left
            alone by this process; the next one tries again.
        max_wait: Share of the trials' time that may be spent waiting; ``None`` without a limit.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        brief: Brief,
        purse: Purse,
        max_failures: int = 3,
        max_wait: float | None = 0.05,
    ) -> None:
        self.model = model
        self._brief = brief
        self._purse = purse
        self._max_failures = max_failures
        self.patience = Patience(max_wait)
        self._pending: dict[str, Question] = {}  # by the study's name
        self._first: dict[str, int] = {}  # the first trial that this process handled
        self._broke: set[str] = set()  # studies that cannot pay another question
        self._lock = FreshLock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave open questions behind: what these would bring stays reserved as spent."""
        return {**self.__dict__, "_pending": {}}

    def can_propose(
        self, study: Study, trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
    ) -> bool:
        """Whether a turn makes sense: the model is not given up, and has a proposal or a call."""
        if not space or self._count_failures(study, trials) >= self._max_failures:
            return False
        if study.study_name in self._pending or self._can_pay(study, trials):
            return True
        return any(_queue(trials, space))

    def has_given_up(self, study: Study) -> bool:
        """Whether this process asks the model no more, for it failed too often in a row."""
        trials = record.read_trials(study)
        return self._count_failures(study, trials) >= self._max_failures

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
        veto: Veto,
    ) -> dict[str, Any]:
        """Return a configuration inside ``space`` and record on ``trial`` where it comes from.

        Args:
            study: The study.
            trial: The trial that is to be proposed.
            trials: All other trials.
            space: The hard limits.
            veto: Whether the partner's model gives a configuration no chance.

        Raises:
            NoProposal: If there is none; what was spent is recorded all the same.
        """
        proposal = self._claim(study, trial, space, veto)
        event = NoProposal(SPENT, "the limits of calls or money are reached")
        if proposal is None:
            self._prepare(study, trial, trials, space, most_failures=self._max_failures - 1)
            event = self.collect(study, trial, wait=True) or event
            proposal = self._claim(study, trial, space, veto)
        if proposal is None:
            raise event
        facts = {
            record.SOURCE: "llm",
            record.RATIONALE: proposal.rationale,
            record.EXPECTED: proposal.expected,
        }
        record.record(study, trial, facts)
        return accept(proposal.configuration, space)

    def prefetch(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
    ) -> None:
        """Ask for a later trial, unless the last question brought nothing."""
        self._prepare(study, trial, trials, space, most_failures=0)

    def _prepare(
        self,
        study: Study,
        trial: FrozenTrial,
        trials: Sequence[FrozenTrial],
        space: Mapping[str, BaseDistribution],
        *,
        most_failures: int,
    ) -> None:
        """Ask in the background, unless there is a proposal left, a question open or no money."""
        everything = [*trials, trial]
        if not space or study.study_name in self._pending:
            return
        if self._count_failures(study, everything) > most_failures:
            return
        if record.is_copy(trial) or not self._can_pay(study, everything):
            return
        if any(_queue(everything, space)):
            return
        view = describe_view(study, trials, space)
        messages = build_messages(self._brief, study.direction, space, trials, view)
        tried = [t.params for t in trials]
        tried.append(trial.params)
        with self._lock:
            if study.study_name in self._pending:
                return
            name, calls = self._pay(study, trial, messages, space)
            if not calls:
                self._broke.add(study.study_name)
                return
            work = partial(
                ask, self.model, messages, space, tried, calls=calls, most=self._brief.count
            )
            self._pending[study.study_name] = Question(name, work)

    def collect(
        self, study: Study, trial: FrozenTrial, *, wait: bool | None = None
    ) -> NoProposal | None:
        """Record on ``trial`` what an open question brought, if it has ended.

        Args:
            study: The study.
            trial: The trial at hand, not finished yet.
            wait: Whether to wait for it as long as ``max_wait`` allows; ``None``: where trials are
                too short for an answer to come meanwhile.

        Returns:
            Why there is nothing to run, if that is so.
        """
        self._first.setdefault(study.study_name, trial.number)
        question = self._pending.get(study.study_name)
        if question is None or record.is_copy(trial):
            return None
        if not question.wait(0.0):
            may_wait = self.patience.are_short() if wait is None else wait
            if not (may_wait and self._wait(study, trial, question)):
                return NoProposal(LATE, "its answer has not come yet; see max_wait")
        with self._lock:
            if self._pending.get(study.study_name) is not question:
                return None  # another thread has taken it
            del self._pending[study.study_name]
        finding = question.take()
        _note(study, trial, question.name, finding)
        return NoProposal(finding.reason, finding.detail) if finding.reason else None

    def _wait(self, study: Study, trial: FrozenTrial, question: Question) -> bool:
        began = perf_counter()
        taken = self.patience.take()
        arrived = question.wait(taken)
        waited = perf_counter() - began
        if taken is not None:
            self.patience.give_back(max(0.0, taken - waited))
        if waited > 0.01:  # seconds; less is no wait
            record.record(study, trial, {record.WAITED: waited})
        return arrived

    def _can_pay(self, study: Study, trials: Sequence[FrozenTrial]) -> bool:
        return study.study_name not in self._broke and self._purse.can_pay(trials)

    def _count_failures(self, study: Study, trials: Sequence[FrozenTrial]) -> int:
        """Count the last questions in a row that brought nothing, those of this process's time."""
        failures, first = 0, self._first.get(study.study_name, 0)
        for trial in trials:
            if trial.number < first or record.is_copy(trial):
                continue
            if record.UNUSABLE in trial.system_attrs:
                failures += 1
            elif record.PROPOSALS in trial.system_attrs:
                failures = 0
        return failures

    def _pay(
        self,
        study: Study,
        trial: FrozenTrial,
        messages: list[Message],
        space: Mapping[str, BaseDistribution],
    ) -> tuple[str, int]:
        try:
            worst = worst_cost_of(self.model, messages, build_schema(space))
        except SpendLimitReached:
            worst = 0.0  # unknown and not allowed: the model says so when it is asked
        return self._purse.pay(study, trial, worst)

    def _claim(
        self,
        study: Study,
        trial: FrozenTrial,
        space: Mapping[str, BaseDistribution],
        veto: Veto,
    ) -> Proposal | None:
        """Take the next proposal for ``trial``; two workers never take the same one.

        Raises:
            NoProposal: If the next one is vetoed. The turn is lost then: a model whose proposals
                have no chance must not be asked for more and more of them.
        """
        for claim, proposal in _queue(record.read_trials(study), space):
            record.record(study, trial, {record.CLAIM: claim})
            rivals = [t for t in record.read_trials(study) if t.number != trial.number]
            if any(other.system_attrs.get(record.CLAIM) == claim for other in rivals):
                # Whoever sees a rival lets go; if both do, one proposal is lost, no trial doubled.
                continue
            if veto(accept(proposal.configuration, space)):
                record.append(study, trial, record.DISCARDED, claim)
                record.record(study, trial, {record.VETOED: 1})
                raise NoProposal("vetoed", "the partner's model gives its proposal no chance")
            return proposal
        return None


def _note(study: Study, trial: FrozenTrial, question: str, finding: Finding) -> None:
    """Write down what a question brought, its id last: until then it counts as reserved."""
    answer, replies = finding.answer, finding.replies
    record.append(study, trial, record.PROPOSALS, *(p.to_json() for p in finding.proposals))
    if answer is not None:
        wish = {"ranges": answer.ranges, "reason": answer.reason} if answer.ranges else None
        record.record(study, trial, {record.NOTES: answer.notes or None, record.RANGES: wish})
    costs = [reply.cost_usd for reply in replies if reply.cost_usd is not None]
    spent = {
        record.CALLS: finding.requests,
        record.PROMPT_TOKENS: sum(reply.prompt_tokens for reply in replies),
        record.COMPLETION_TOKENS: sum(reply.completion_tokens for reply in replies),
        record.SECONDS: sum(reply.seconds for reply in replies),
        record.COST_USD: sum(costs) + finding.cost_usd if costs or finding.cost_usd else None,
    }
    facts: dict[str, Any] = {
        name: record.read_spending(trial, name) + amount
        for name, amount in spent.items()
        if amount is not None
    }
    facts[record.MODEL] = replies[-1].model if replies else None
    facts[record.UNUSABLE] = finding.reason or None
    record.record(study, trial, facts)
    record.append(study, trial, record.ANSWERED, question)


def _queue(
    trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
) -> Iterator[tuple[list[int], Proposal]]:
    """Yield the proposals that nobody runs or has given up, the oldest first, with their claims."""
    askers = [trial for trial in trials if record.PROPOSALS in trial.system_attrs]
    if not askers:
        return
    taken = [trial.system_attrs.get(record.CLAIM) for trial in trials]
    for trial in trials:
        if record.DISCARDED in trial.system_attrs:
            taken.extend(trial.system_attrs[record.DISCARDED])
    for asker in askers:
        for index, document in enumerate(record.read_list(asker, record.PROPOSALS)):
            claim = [asker.number, index]
            if claim not in taken:
                proposal = Proposal(**document)
                if is_new(proposal, (trial.params for trial in trials), space):
                    yield claim, proposal
