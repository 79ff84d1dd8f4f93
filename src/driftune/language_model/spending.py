"""A spend limit that is checked before a call and settled after it."""

from __future__ import annotations

from driftune.errors import SpendLimitReached, UsageError
from driftune.language_model.lock import FreshLock


class SpendLimit:
    """Calls and US dollars that one process may still spend; threads and models may share one.

    A copy in another process counts for itself: over processes the sampler holds the limits, in
    the study's storage.

    >>> limit = SpendLimit(max_cost_usd=1.0, max_calls=10)
    >>> limit.reserve(0.4)
    >>> limit.settle(0.4, 0.25)
    >>> round(limit.spent_usd, 6), limit.calls
    (0.25, 1)

    Args:
        max_cost_usd: Dollars; 0 allows no call at all, not even a free one.
        max_calls: Requests, retries included.
    """

    def __init__(self, max_cost_usd: float, max_calls: int) -> None:
        if max_cost_usd < 0 or max_calls < 0:
            raise UsageError(
                f"max_cost_usd={max_cost_usd} and max_calls={max_calls} must not be negative; "
                "0 makes no call."
            )
        self.max_cost_usd = max_cost_usd
        self.max_calls = max_calls
        self.spent_usd = 0.0
        self.calls = 0
        self._lock = FreshLock()

    def reserve(self, worst_usd: float) -> None:
        """Set ``worst_usd`` aside for one request, or raise ``SpendLimitReached``."""
        with self._lock:
            if self.max_cost_usd == 0:
                raise SpendLimitReached("max_cost_usd is 0: no call to a language model is made.")
            if self.calls >= self.max_calls:
                raise SpendLimitReached(
                    f"{self.calls} calls were made and max_calls is {self.max_calls}."
                )
            if self.spent_usd + worst_usd > self.max_cost_usd:
                raise SpendLimitReached(
                    f"The next call may cost {worst_usd:.6f} USD, {self.spent_usd:.6f} USD are "
                    f"spent, and max_cost_usd is {self.max_cost_usd:g}."
                )
            self.calls += 1
            self.spent_usd += worst_usd

    def settle(self, reserved_usd: float, actual_usd: float) -> None:
        """Replace what ``reserve`` set aside by what the request really cost."""
        with self._lock:
            self.spent_usd += actual_usd - reserved_usd
