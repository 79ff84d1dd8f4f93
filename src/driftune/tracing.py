"""MLflow traces of language-model calls: what was asked, what came back, what it took.

They are for reading; our ledger is the truth about cost. Nothing here fails or delays a study: a
thread writes, a queue that is full drops, and a server that is away is mentioned once. Unlike
trials they are not spooled: an outage loses them (the replies themselves stay in
``.driftune/replies``).
"""

from __future__ import annotations

import copy
import json
import logging
import queue
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from driftune.errors import LanguageModelError, ServiceUnavailable
from driftune.language_model import CachedLanguageModel, LanguageModel, Message, Reply
from driftune.language_model.protocol import name_of, settings_of, worst_cost_of
from driftune.tracking import RETUNE_TAG
from driftune.tracking.client import brisk

if TYPE_CHECKING:
    from driftune.tracking import Tracker

logger = logging.getLogger(__name__)
WAITING = 100  # calls that may wait for a slow server; further ones are not traced
PATIENCE_SECONDS = 10.0  # at most, for the last traces, once the study is over
LINKED_AT_ONCE = 100  # MLflow's limit
PREVIEW = 500  # characters of question and answer in MLflow's list of traces


@dataclass(frozen=True)
class Call:
    """One call of a language model: its answer or its error.

    Attributes:
        messages: What was asked.
        answer: The reply, or why there is none.
        started: Nanoseconds since the epoch.
        ended: Nanoseconds since the epoch.
    """

    messages: list[Message]
    answer: Reply | LanguageModelError
    started: int
    ended: int


class TracedLanguageModel:
    """A language model whose calls are written down; otherwise it is the inner one.

    Args:
        inner: Whom to ask.
        writer: Takes each call.
    """

    def __init__(self, inner: LanguageModel, writer: Traces) -> None:
        self.inner = inner
        self.writer = writer

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Ask the inner model; its errors pass through.

        Raises:
            LanguageModelError: From the inner model.
        """
        started = time.time_ns()
        try:
            reply = self.inner.complete(messages, schema)
        except LanguageModelError as error:
            self.writer.write(Call(messages, error, started, time.time_ns()))
            raise
        self.writer.write(Call(messages, reply, started, time.time_ns()))
        return reply

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """US dollars that the inner model can cost; 0 if it does not say."""
        return worst_cost_of(self.inner, messages, schema)

    @property
    def model(self) -> str:
        """The inner model's name."""
        return name_of(self.inner)

    @property
    def settings(self) -> dict[str, Any]:
        """The inner model's settings."""
        return settings_of(self.inner)


class Traces:
    """The traces of one study, written to MLflow from a thread of their own.

    As a context manager it waits a little at the end, for what is not written yet.

    Args:
        tracker: Whose server.
        problem: Whose experiment.
        retune_id: Names the run that the traces belong to; ``None`` while that is not known.
    """

    def __init__(self, tracker: Tracker, problem: str, retune_id: str | None = None) -> None:
        self.tracker = tracker
        self.problem = problem
        self.retune_id = retune_id
        self._start()

    def of(self, model: LanguageModel | None) -> LanguageModel | None:
        """Wrap a model so that its calls are traced; a reply from the cache is no call."""
        if isinstance(model, CachedLanguageModel) and model.inner is not None:
            outside = copy.copy(model)
            outside.inner = TracedLanguageModel(model.inner, self)
            return outside
        return None if model is None else TracedLanguageModel(model, self)

    def belong_to(self, retune_id: str) -> None:
        """Say whose traces these are; those written before are linked at the end."""
        self.retune_id = retune_id

    def __enter__(self) -> Self:
        """Nothing to do yet: the thread starts with the first call."""
        return self

    def __exit__(self, *error: object) -> None:
        """Write what is left."""
        self.close()

    def _start(self) -> None:
        self._calls: queue.Queue[Call | None] = queue.Queue(WAITING)
        self._unlinked: list[str] = []
        self._thread: threading.Thread | None = None
        self._silenced = False
        self._lock = threading.Lock()

    def write(self, call: Call) -> None:
        """Take a call to be written soon; never waits."""
        with self._lock:
            if self._silenced:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
                self._thread.start()
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._give_up("is too slow")

    def close(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait a little for what is not written yet, and link the traces to their run.

        Args:
            seconds: To wait at most.
        """
        end = time.monotonic() + seconds
        while self._calls.unfinished_tasks and not self._silenced:
            if time.monotonic() > end:
                self._give_up("is too slow")
            time.sleep(0.02)
        if not self._silenced and self._unlinked and self.retune_id:
            self._link(self._unlinked, self.retune_id)
            self._unlinked = []
        with self._lock:
            if self._thread is not None and not self._silenced:
                self._calls.put_nowait(None)  # the queue is empty
                self._thread = None

    def _link(self, traces: list[str], retune_id: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            run = self.tracker.retune_run(self.problem, retune_id)
            with brisk():
                for first in range(0, len(traces), LINKED_AT_ONCE):
                    part = traces[first : first + LINKED_AT_ONCE]
                    self.tracker.client.link_traces_to_run(part, run)
        except (MlflowException, ServiceUnavailable) as error:
            self._give_up(f"does not link traces ({type(error).__name__})")

    def _work(self) -> None:
        from mlflow.exceptions import MlflowException

        while True:
            call = self._calls.get()
            try:
                if call is None or self._silenced:
                    return
                with brisk():
                    self._send(call)
            except (MlflowException, ServiceUnavailable, NotImplementedError, OSError) as error:
                self._give_up(f"does not take traces ({type(error).__name__})")
                return
            finally:
                self._calls.task_done()

    def _send(self, call: Call) -> None:
        from mlflow.entities import Span, TraceInfo, TraceLocation, TraceState
        from mlflow.tracing.client import TracingClient

        experiment = self.tracker.experiment(self.problem)
        key = uuid4()
        trace_id = f"tr-{key.hex}"
        failed = isinstance(call.answer, LanguageModelError)
        info = TraceInfo(
            trace_id=trace_id,
            trace_location=TraceLocation.from_experiment_id(experiment),
            request_time=call.started // 1_000_000,
            execution_duration=(call.ended - call.started) // 1_000_000,
            state=TraceState.ERROR if failed else TraceState.OK,
            request_preview=call.messages[-1]["content"][:PREVIEW] if call.messages else "",
            response_preview=_text(call.answer)[:PREVIEW],
            tags=self._tags(),
        )
        client = TracingClient(self.tracker.uri)  # MlflowClient.start_trace ignores its own URI
        client.start_trace(info)
        client.log_spans(experiment, [Span.from_dict(_span(call, trace_id, key.bytes))])
        self._unlinked.append(trace_id)  # making the run here would race with who logs the study

    def _tags(self) -> dict[str, str]:
        tags = {"mlflow.traceName": "complete", "driftune.problem": self.problem}
        return tags | ({RETUNE_TAG: self.retune_id} if self.retune_id else {})

    def _give_up(self, why: str) -> None:
        with self._lock:
            if not self._silenced:
                logger.warning(
                    "MLflow %s: the calls of the language model are no longer traced there; the"
                    " study goes on (MLFLOW_TRACKING_URI).", why
                )  # fmt: skip
            self._silenced = True

    def __getstate__(self) -> dict[str, Any]:
        """Leave the thread and its queue behind: they cannot be pickled."""
        return {name: getattr(self, name) for name in ("tracker", "problem", "retune_id")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start afresh."""
        self.__dict__.update(state)
        self._start()


def _span(call: Call, trace_id: str, key: bytes) -> dict[str, Any]:
    """The root span of a trace, as MLflow writes spans to JSON; attributes are JSON texts."""
    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": trace_id,
        "mlflow.spanType": "CHAT_MODEL",
        "mlflow.spanInputs": {"messages": call.messages},
        "mlflow.spanOutputs": _text(call.answer),
    }
    failed = isinstance(call.answer, LanguageModelError)
    if isinstance(call.answer, Reply):
        attributes |= _numbers(call.answer)
    return {
        "trace_id": b64encode(key).decode(),
        "span_id": b64encode(uuid4().bytes[:8]).decode(),
        "parent_span_id": None,
        "name": "complete",
        "start_time_unix_nano": call.started,
        "end_time_unix_nano": call.ended,
        "status": {
            "code": "STATUS_CODE_ERROR" if failed else "STATUS_CODE_OK",
            "message": _text(call.answer) if failed else "",
        },
        "attributes": {name: json.dumps(value) for name, value in attributes.items()},
    }


def _numbers(reply: Reply) -> dict[str, Any]:
    tokens = {"input_tokens": reply.prompt_tokens, "output_tokens": reply.completion_tokens}
    tokens["total_tokens"] = sum(tokens.values())
    numbers = {"model": reply.model, "seconds": reply.seconds, "mlflow.chat.tokenUsage": tokens}
    if reply.cost_usd is None:  # MLflow would guess it from its name for the model, by litellm
        return numbers
    return numbers | {
        "mlflow.llm.model": reply.model,
        "mlflow.llm.cost": {"total_cost": reply.cost_usd},
    }


def _text(answer: Reply | LanguageModelError) -> str:
    return answer.text if isinstance(answer, Reply) else f"{type(answer).__name__}: {answer}"
