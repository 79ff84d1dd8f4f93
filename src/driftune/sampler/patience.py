"""How long a trial may wait for the language model, by what the trials of this process take."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

_FIRST = 10.0  # seconds, while no trial has finished and nothing is known of their length
_SHORT = 0.1  # seconds; an objective below that is a look-up or a toy
_SHORT_STUDY = 60.0  # seconds that a process may wait in all for the sake of such an objective


class Patience:
    """Lets a study wait at most a share of the time that its trials take.

    Where trials take less than a tenth of a second, a share of that would never hear any model:
    there it waits up to a minute in all. The first question may take ten seconds.

    >>> patience = Patience(0.05)
    >>> patience.seconds_left()
    10.0
    >>> patience.took(200.0)
    >>> patience.seconds_left(), patience.are_short()
    (10.0, False)
    >>> patience.take(), patience.seconds_left()
    (10.0, 0.0)
    >>> patience.give_back(2.0)
    >>> patience.seconds_left()
    2.0

    Args:
        max_share: From 0, which never waits; ``None`` waits as long as it takes.
    """

    def __init__(self, max_share: float | None) -> None:
        self._max_share = max_share
        self._trials: list[float] = []
        self._waited = 0.0
        self._began: dict[int, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the clock of running trials behind: another process has another one."""
        return {**self.__dict__, "_began": {}}

    def starts(self, number: int) -> None:
        """Note that a trial's own work begins."""
        self._began[number] = perf_counter()

    def ends(self, number: int) -> None:
        """Note that it has ended."""
        began = self._began.pop(number, None)
        if began is not None:
            self.took(perf_counter() - began)

    def took(self, seconds: float) -> None:
        """Note what a trial took."""
        self._trials.append(seconds)

    def take(self) -> float | None:
        """Take all seconds that are left, so that no other thread waits for them too."""
        left = self.seconds_left()
        self._waited += left or 0.0
        return left

    def give_back(self, seconds: float) -> None:
        """Return what was taken and not needed."""
        self._waited -= seconds

    def are_short(self) -> bool:
        """Whether trials take less than a tenth of a second, in the median."""
        return bool(self._trials) and median(self._trials) < _SHORT

    def seconds_left(self) -> float | None:
        """Return how long the next wait may be; ``None`` without a limit."""
        if self._max_share is None:
            return None
        if self._max_share == 0:
            return 0.0
        allowed = self._max_share * sum(self._trials) if self._trials else _FIRST
        if self.are_short():
            allowed = max(allowed, _SHORT_STUDY)
        return max(0.0, allowed - self._waited)
