"""What each finished trial was worth when it came in."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from optuna.study import StudyDirection
from optuna.trial import TrialState

from driftune.errors import UsageError, close_match
from driftune.sampler.record import FALLBACK, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

COST = "cost"
"""User attribute with what a trial cost, in any unit: set by the objective, if it knows."""

LATE = "late"
"""Fallback of a model that had not answered yet; it speaks neither for it nor against it."""

DIAGNOSTICS = "diagnostics"
"""User attribute with what explains a trial's value, see ``prompt.DIAGNOSTICS``."""

PREDICTED = "predicted"
"""Item of it: the value that a pruned trial would have had, if the objective knows."""

SPENT = "spent"
"""Fallback of a model that there is no money left for; the same."""


DONE = (TrialState.COMPLETE, TrialState.PRUNED)
"""States of trials that count for a sampler: the others failed or are under way."""


class Fact(NamedTuple):
    """What is read of a finished trial; trials are judged in this order."""

    finished: datetime
    number: int
    source: str
    loss: float | None
    declined: bool
    cost: float | None


_FEWEST_TO_RANK = 4  # a quarter of fewer trials is no trial


class Outcome(NamedTuple):
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
        loss: The value, with its sign turned so that lower is better; ``None`` if not usable.
        declined: Whether the language model had this turn and brought nothing that could be run.
        cost: What the trial cost, if the objective set the user attribute ``cost``.
    """

    number: int
    source: str
    usable: bool
    gain: float
    credit: float
    loss: float | None = None
    declined: bool = False
    cost: float | None = None


def read_direction(name: str) -> StudyDirection:
    """Return what "minimize" or "maximize" stands for.

    Raises:
        UsageError: It is another word.
    """
    known = {direction.name.lower(): direction for direction in list(StudyDirection)[1:]}
    if name not in known:
        raise UsageError(f"direction={name!r} is not known.{close_match(str(name), known)}")
    return known[name]


def is_usable(trial: FrozenTrial) -> bool:
    """Whether the trial has one value and breaks no constraint."""
    return trial.state == TrialState.COMPLETE and len(trial.values) == 1 and is_feasible(trial)


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether the trial breaks none of the constraints that it states."""
    return all(violation <= 0 for violation in trial.constraints.values())


def loss_of(trial: FrozenTrial, direction: StudyDirection) -> float:
    """The trial's value with its sign turned so that lower is better."""
    value = float(trial.values[0])
    return -value if direction == StudyDirection.MAXIMIZE else value


def expected_loss(trial: FrozenTrial, direction: StudyDirection) -> float | None:
    """What the loss of a pruned trial would have been, if its objective says so.

    Intermediate values do not say it: they may be those of an early epoch, or of fewer rows.
    """
    told = trial.user_attrs.get(DIAGNOSTICS)
    value = told.get(PREDICTED) if isinstance(told, dict) else None
    if trial.state != TrialState.PRUNED or not isinstance(value, int | float):
        return None
    if isinstance(value, bool) or not math.isfinite(value):
        return None
    return -float(value) if direction == StudyDirection.MAXIMIZE else float(value)


def find_incumbent(history: Sequence[Outcome]) -> Outcome | None:
    """The best usable trial of a judged history; the earliest to finish among equals."""
    return min(
        (outcome for outcome in history if outcome.loss is not None),
        key=lambda outcome: outcome.loss or 0.0,
        default=None,
    )


def find_incumbent_values(
    trials: Sequence[FrozenTrial],
    history: Sequence[Outcome],
    space: Mapping[str, BaseDistribution],
) -> Mapping[str, Any] | None:
    """Return the incumbent's parameters, if they cover ``space`` and lie in it."""
    best = find_incumbent(history)
    if best is None or not space:
        return None
    params = next(trial.params for trial in trials if trial.number == best.number)
    covered = all(
        name in params and distribution._contains(distribution.to_internal_repr(params[name]))
        for name, distribution in space.items()
    )
    return params if covered else None


def judge_trials(
    trials: Sequence[FrozenTrial], direction: StudyDirection, *, min_delta: float = 0.0
) -> list[Outcome]:
    """Judge every finished trial once, see ``Judge``."""
    return Judge(min_delta).judge(trials, direction)


class Judge:
    """Judges a study as it goes: reads each finished trial once, for it never changes.

    Args:
        min_delta: An improvement must be larger than that, in units of the objective.
    """

    def __init__(self, min_delta: float = 0.0) -> None:
        self._min_delta = min_delta
        self._facts: dict[tuple[int, datetime | None], Fact] = {}
        self._judged: tuple[list[Fact], list[float], list[Outcome]] = ([], [], [])

    def judge(self, trials: Sequence[FrozenTrial], direction: StudyDirection) -> list[Outcome]:
        """Judge every finished trial, in the order in which they finished.

        Args:
            trials: In any order; unfinished ones are left out.
            direction: Of the objective.
        """
        facts = sorted(self._read(t, direction) for t in trials if t.state.is_finished())
        known, losses, outcomes = self._judged
        if facts[: len(known)] != known:  # another study, or one that finished out of order
            known, losses, outcomes = [], [], []
        losses, outcomes = list(losses), list(outcomes)
        for fact in facts[len(known) :]:
            outcomes.append(_judge_one(fact, losses, self._min_delta))
        self._judged = facts, losses, outcomes  # at once: threads may share a sampler
        return outcomes

    def _read(self, trial: FrozenTrial, direction: StudyDirection) -> Fact:
        key = trial._trial_id, trial.datetime_complete
        if key not in self._facts:
            self._facts[key] = _read_facts(trial, direction)
        return self._facts[key]


def _judge_one(fact: Fact, losses: list[float], min_delta: float) -> Outcome:
    """Judge against the losses of its predecessors, in order, and put its own among them."""
    gain = credit = 0.0
    if fact.loss is not None:
        ahead = losses[0] - fact.loss if losses else 0.0
        gain = ahead if ahead > min_delta else 0.0
        credit = 1.0 if gain > 0 else 0.5 * _is_in_best_quarter(fact.loss, losses)
        insort(losses, fact.loss)
    return Outcome(
        number=fact.number, source=fact.source, usable=fact.loss is not None, gain=gain,
        credit=credit, loss=fact.loss, declined=fact.declined, cost=fact.cost,
    )  # fmt: skip


def _is_in_best_quarter(loss: float, losses: list[float]) -> bool:
    enough = len(losses) >= _FEWEST_TO_RANK
    return enough and bisect_right(losses, loss) < len(losses) / 4


def read_cost(trial: FrozenTrial) -> float | None:
    """What a trial cost, if it says so."""
    cost = trial.user_attrs.get(COST)
    return float(cost) if isinstance(cost, int | float) and cost > 0 else None


def _read_facts(trial: FrozenTrial, direction: StudyDirection) -> Fact:
    return Fact(
        finished=trial.datetime_complete or datetime.max,
        number=trial.number,
        source=source_of(trial),
        loss=loss_of(trial, direction) if is_usable(trial) else None,
        declined=trial.system_attrs.get(FALLBACK, LATE) not in (LATE, SPENT),
        cost=read_cost(trial),
    )
