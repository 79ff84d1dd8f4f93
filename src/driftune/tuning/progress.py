"""Progress of a study: the event after each trial, and a bar that shows it."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialProgress:
    """What is known after a trial.

    Attributes:
        number: Trials that count so far, this one included.
        total: Trials allowed, or ``None``.
        value: Score of this trial; ``None`` when it failed or was pruned.
        best: Best score so far; ``None`` when no trial is complete.
        source: Who proposed this trial.
        seconds_left: Wall time left; infinite without a limit.
        seconds_total: Wall time allowed; infinite without a limit.
        dollars_left: Money left for the language model; ``None`` without a model or a limit.
        pruned: Whether this trial was stopped because it could not win.
    """

    number: int
    total: int | None
    value: float | None
    best: float | None
    source: str
    seconds_left: float
    seconds_total: float
    dollars_left: float | None = None
    pruned: bool = False

    @property
    def share(self) -> float:
        """Share of the budget used, in [0, 1]: of trials or of time, whichever is further."""
        of_trials = self.number / self.total if self.total else 0.0
        of_time = 1 - self.seconds_left / self.seconds_total if self.limited else 0.0
        return min(1.0, max(of_trials, of_time))

    @property
    def limited(self) -> bool:
        """Whether there is a time limit."""
        return math.isfinite(self.seconds_total)

    def __str__(self) -> str:
        """One line for a bar or a log.

        >>> print(TrialProgress(7, 40, None, 9.31, "tpe", 29.7, 60.0, 0.421, pruned=True))
        trial 7/40 pruned, best 9.31, last by tpe, 30 s and $0.42 left
        """
        total = f"/{self.total}" if self.total else ""
        best = "none" if self.best is None else f"{self.best:.5g}"
        how = " pruned" if self.pruned else " failed" if self.value is None else ""
        seconds = [f"{max(0, round(self.seconds_left))} s"] if self.limited else []
        dollars = [] if self.dollars_left is None else [f"${self.dollars_left:.2f}"]
        left = f", {' and '.join(seconds + dollars)} left" if seconds + dollars else ""
        return f"trial {self.number}{total}{how}, best {best}, last by {self.source}{left}"


OnProgress = Callable[[TrialProgress], None]
LOG_EVERY = 10  # trials per log line when there is no terminal


@contextmanager
def rich_progress(description: str = "tuning") -> Iterator[OnProgress]:
    """Give an ``on_progress`` that draws a bar on stderr, or logs when that is no terminal.

    >>> with rich_progress() as on_progress:
    ...     on_progress(TrialProgress(1, 40, 9.5, 9.5, "warm_start", 60.0, 120.0))
    """
    if not sys.stderr.isatty():
        yield _log
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, TextColumn("{task.fields[line]}"), console=Console(stderr=True))
    with bar:
        task = bar.add_task(description, total=1.0, line="starting")
        yield lambda event: bar.update(task, completed=event.share, line=str(event))


def _log(event: TrialProgress) -> None:
    if event.number % LOG_EVERY == 0 or event.number == event.total:
        logger.info("%s", event)
