"""One question to the language model, asked in the background while a trial trains."""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, SpendLimitReached
from driftune.sampler.history import SPENT
from driftune.sampler.prompt import build_repair
from driftune.sampler.proposals import Answer, accept, build_schema, is_new, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.distributions import BaseDistribution

    from driftune.language_model import LanguageModel, Message, Reply
    from driftune.sampler.proposals import Proposal


@dataclass
class Finding:
    """What a question brought and what it took.

    Args:
        proposals: New configurations inside the limits.
        answer: The last answer as it was read, for its notes and ranges; ``None`` without one.
        replies: What came back, one per request that was answered.
        requests: How many were made.
        cost_usd: What a request without a reply may have cost all the same.
        reason: In a word, why there is no proposal; empty if there is one.
        detail: The same in a sentence.
    """

    proposals: list[Proposal] = field(default_factory=list)
    answer: Answer | None = None
    replies: list[Reply] = field(default_factory=list)
    requests: int = 0
    cost_usd: float = 0.0
    reason: str = ""
    detail: str = ""


class Question:
    """A question under way.

    It runs in a daemon thread: a model that hangs must neither hold up the study nor the end of
    the process. The thread reads and writes no storage.

    Args:
        name: Its id.
        work: Asks, and returns what that brought.
    """

    def __init__(self, name: str, work: Callable[[], Finding]) -> None:
        self.name = name
        self._future: Future[Finding] = Future()
        Thread(target=self._run, args=(work,), name="driftune-question", daemon=True).start()

    def wait(self, seconds: float | None) -> bool:
        """Wait, at most ``seconds``; returns whether the finding is there."""
        return self._future in wait([self._future], timeout=seconds).done

    def take(self) -> Finding:
        """Return the finding; raises what the model raised, if that was a defect."""
        return self._future.result()

    def _run(self, work: Callable[[], Finding]) -> None:
        try:
            self._future.set_result(work())
        except BaseException as defect:  # raised again where the finding is taken
            self._future.set_exception(defect)


def ask(
    model: LanguageModel,
    messages: list[Message],
    space: Mapping[str, BaseDistribution],
    tried: Sequence[Mapping[str, Any]],
    *,
    calls: int,
    most: int,
) -> Finding:
    """Ask, and once more with the problems named if nothing in the answer can be run.

    A model that is silent, by ``LanguageModelError`` or ``OSError``, is a finding; any other
    exception is a defect.

    Args:
        model: Whom to ask.
        messages: What is asked.
        space: The hard limits.
        tried: Configurations that need not be proposed again.
        calls: Requests that may be made: 1, or 2 with a repair question.
        most: Proposals that are kept.
    """
    finding = Finding()
    schema = build_schema(space)
    while finding.requests < calls and not finding.proposals:
        finding.requests += 1
        try:
            reply = model.complete(messages, schema)
        except (LanguageModelError, OSError) as error:
            spent = isinstance(error, SpendLimitReached)
            finding.reason = SPENT if spent else type(error).__name__
            finding.detail = str(error)
            finding.cost_usd = getattr(error, "cost_usd", 0.0)
            return finding
        finding.replies.append(reply)
        finding.answer = answer = read_answer(reply.text, space)
        new = _drop_repeated(answer.proposals, tried, space)
        finding.proposals = new[:most]
        problems = list(answer.problems)
        if len(new) < len(answer.proposals):
            problems.append("Some proposals repeat configurations that were already run.")
        messages = [*messages, *build_repair(reply.text, problems)]
        finding.reason = "" if finding.proposals else "unusable"
        finding.detail = " ".join(problems) or "The answer holds no proposal."
    return finding


def _drop_repeated(
    proposals: Sequence[Proposal],
    tried: Sequence[Mapping[str, Any]],
    space: Mapping[str, BaseDistribution],
) -> list[Proposal]:
    known, new = list(tried), []
    for proposal in proposals:
        if is_new(proposal, known, space):
            known.append(accept(proposal.configuration, space))
            new.append(proposal)
    return new
