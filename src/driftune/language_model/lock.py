"""A lock that pickling does not mind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class FreshLock:
    """A lock for ``with``; a copy, in this or another process, gets a free lock of its own.

    >>> import pickle
    >>> with FreshLock() as lock, pickle.loads(pickle.dumps(lock)):
    ...     "both held"
    'both held'
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> FreshLock:
        """Wait for the lock and take it."""
        self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        self._lock.release()

    def __reduce__(self) -> tuple[type[FreshLock], tuple[()]]:
        """Copy nothing."""
        return FreshLock, ()
