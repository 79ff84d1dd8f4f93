"""How long a trial may wait for the language model."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from driftune.sampler import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial

_FIRST = 10.0  # seconds, while no trial has finished and nothing is known of their length
_SHORT = 0.1  # seconds; an objective below that is a look-up or a toy
_SHORT_STUDY = 60.0  # seconds that a study of such trials may wait in all


def waiting_time(trials: Sequence[FrozenTrial], max_share: float | None) -> float | None:
    """Return the seconds that the next trial may wait; ``None`` without a limit.

    A study waits at most ``max_share`` of the time that its trials took. Where trials take less
    than a tenth of a second, a share of that would never hear any model: there it waits up to a
    minute in all.

    Args:
        trials: All others.
        max_share: From 0; ``None`` waits as long as it takes.
    """
    if max_share is None:
        return None
    waited = sum(record.read_spending(trial, record.WAITED) for trial in trials)
    spans = _measure(trials)
    if not spans:
        return max(0.0, _FIRST - waited)
    allowed = max_share * max(0.0, sum(spans) - waited)
    if are_short(trials):
        allowed = max(allowed, _SHORT_STUDY)
    return max(0.0, allowed - waited)


def are_short(trials: Sequence[FrozenTrial]) -> bool:
    """Whether a trial takes less than a tenth of a second by itself, in the median."""
    own = [
        span - record.read_spending(trial, record.WAITED)
        for trial, span in zip(_finished(trials), _measure(trials), strict=True)
    ]
    return bool(own) and median(own) < _SHORT


def _finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [t for t in trials if t.datetime_complete is not None and t.datetime_start is not None]


def _measure(trials: Sequence[FrozenTrial]) -> list[float]:
    """Return the seconds that each finished trial took."""
    return [trial.duration.total_seconds() for trial in _finished(trials) if trial.duration]
