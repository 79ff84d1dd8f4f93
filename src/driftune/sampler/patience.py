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
    finished = [t for t in trials if t.duration is not None]
    waited = sum(record.read_spending(trial, record.WAITED) for trial in trials)
    if not finished:
        return max(0.0, _FIRST - waited)
    work = sum(map(_measure_work, finished))
    allowed = max(max_share * work, _SHORT_STUDY if are_short(finished) else 0.0)
    return max(0.0, allowed - waited)


def are_short(trials: Sequence[FrozenTrial]) -> bool:
    """Whether the finished trials take less than a tenth of a second, in the median."""
    work = [_measure_work(trial) for trial in trials if trial.duration is not None]
    return bool(work) and median(work) < _SHORT


def _measure_work(trial: FrozenTrial) -> float:
    """Return the seconds that a finished trial took without its wait for the model."""
    assert trial.duration is not None
    return trial.duration.total_seconds() - record.read_spending(trial, record.WAITED)
