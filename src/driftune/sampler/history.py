"""What each finished trial was worth when it came in."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from optuna.study import StudyDirection
from optuna.trial import TrialState

from driftune.sampler.record import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial

_FEWEST_TO_RANK = 4  # a quarter of fewer trials is no trial


@dataclass(frozen=True)
class Outcome:
    """One finished trial, judged against those that had finished before it.

    Args:
        number: The trial's number.
        source: Who proposed it.
        usable: Whether it completed and is feasible.
        gain: How much it improved on the incumbent, in units of the objective; 0 if it did not,
            and for the first. A tie is no improvement.
        credit: 1 for an improvement, 0.5 for landing in the best quarter of its predecessors, else
            0. The half point is there because improvements alone fall silent late in a study, when
            a good source and a useless one would look the same.
    """

    number: int
    source: str
    usable: bool
    gain: float
    credit: float


def is_usable(trial: FrozenTrial) -> bool:
    """Whether the trial has one value and breaks no constraint."""
    return (
        trial.state == TrialState.COMPLETE
        and len(trial.values) == 1
        and all(violation <= 0 for violation in trial.constraints.values())
    )


def loss_of(trial: FrozenTrial, direction: StudyDirection) -> float:
    """The trial's value with its sign turned so that lower is better."""
    value = float(trial.values[0])
    return -value if direction == StudyDirection.MAXIMIZE else value


def find_incumbent(trials: Sequence[FrozenTrial], direction: StudyDirection) -> FrozenTrial | None:
    """The best usable trial; the earliest among equals."""
    usable = [trial for trial in trials if is_usable(trial)]
    return min(usable, key=lambda trial: (loss_of(trial, direction), trial.number), default=None)


def judge_trials(trials: Sequence[FrozenTrial], direction: StudyDirection) -> list[Outcome]:
    """Judge every finished trial, in the order in which they finished."""
    finished = sorted((t for t in trials if t.state.is_finished()), key=_when_finished)
    losses: list[float] = []
    outcomes = []
    for trial in finished:
        if not is_usable(trial):
            outcomes.append(Outcome(trial.number, source_of(trial), False, 0.0, 0.0))
            continue
        loss = loss_of(trial, direction)
        gain = max(0.0, losses[0] - loss) if losses else 0.0
        credit = 1.0 if gain > 0 else 0.5 * _is_in_best_quarter(loss, losses)
        outcomes.append(Outcome(trial.number, source_of(trial), True, gain, credit))
        insort(losses, loss)
    return outcomes


def _is_in_best_quarter(loss: float, losses: list[float]) -> bool:
    enough = len(losses) >= _FEWEST_TO_RANK
    return enough and bisect_right(losses, loss) < len(losses) / 4


def _when_finished(trial: FrozenTrial) -> tuple[datetime, int]:
    return trial.datetime_complete or datetime.max, trial.number
