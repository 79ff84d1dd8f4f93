"""Who is told about finished trials: a progress bar here, a Prefect artifact there."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftune.tuning.progress import TrialProgress

_listener: ContextVar[Callable[[TrialProgress], None] | None] = ContextVar("listener", default=None)


def listener() -> Callable[[TrialProgress], None] | None:
    """Return who listens to the study that runs in this context."""
    return _listener.get()


@contextmanager
def listening(to: Callable[[TrialProgress], None] | None) -> Iterator[None]:
    """Let ``to`` be called after every trial inside the block.

    Kedro's nodes take data, not callbacks; this is the way past them.
    """
    token = _listener.set(to)
    try:
        yield
    finally:
        _listener.reset(token)
