"""Stops asking a model that only fails."""

from __future__ import annotations

from driftune.errors import LanguageModelError
from driftune.language_model.lock import FreshLock

_FAILURES = 3


class CircuitBreaker:
    """Opens after some failures in a row, and stays open; safe to share between threads.

    >>> breaker = CircuitBreaker("some-model", failures=1)
    >>> breaker.check()
    >>> breaker.failed()
    >>> breaker.check()
    Traceback (most recent call last):
      ...
    driftune.errors.LanguageModelError: 'some-model' failed 1 times in a row and is not asked again.

    Args:
        model: Name for the error.
        failures: Failed questions in a row that open the circuit. A success in between, of any
            thread, starts the count again.
    """

    def __init__(self, model: str, *, failures: int = _FAILURES) -> None:
        self._model = model
        self._limit = failures
        self._failures = 0
        self._lock = FreshLock()

    def check(self) -> None:
        """Raise ``LanguageModelError`` when the circuit is open."""
        if self._failures >= self._limit:
            raise LanguageModelError(
                f"{self._model!r} failed {self._failures} times in a row and is not asked again."
            )

    def failed(self) -> None:
        """Count a question without an answer."""
        with self._lock:
            self._failures += 1

    def succeeded(self) -> None:
        """Forget the failures, unless the circuit is open: a late answer does not close it."""
        with self._lock:
            if self._failures < self._limit:
                self._failures = 0
