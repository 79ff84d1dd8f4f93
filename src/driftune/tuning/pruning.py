"""When a trial ends early: the choices of ``tuning.pruning``, and Optuna's pruners behind them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, cast, get_args

from driftune.errors import UsageError, close_match
from driftune.scaling.advise.rungs import ETA
from driftune.tuning.ladder import Ladder, check_rungs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.study import Study

    from driftune.tuning.task import Task

PruningName = Literal["auto", "race", "asha", "hyperband", "bohb", "none"]


@dataclass(frozen=True)
class Pruning:
    """How trials end early.

    ``auto``: a race over the folds, and successive halving over the rows where that pays. ``race``:
    the race alone. ``asha``: asynchronous successive halving (Li et al., MLSys 2020) over rows,
    always. ``hyperband`` (Li et al., JMLR 2018): the same in brackets, of which some begin with
    more rows. ``bohb``: Hyperband with TPE as the sampler, in the way of Falkner et al. (ICML
    2018). ``none``: every trial is fitted on all folds with all rows.

    Attributes:
        name: One of these.
        rungs: One over the share of the rows on each rung, the last is 1; ``None``: by the rule of
            :func:`driftune.tuning.ladder.choose_parts`.
    """

    name: PruningName = "auto"
    rungs: tuple[int, ...] | None = None

    @classmethod
    def load(
        cls,
        name: str,
        *,
        rungs: Sequence[int] | None = None,
        sampler: object = None,
        language_model: object = None,
    ) -> Pruning:
        """Find a choice by name.

        Args:
            name: See above.
            rungs: The same.
            sampler: The caller's, if there is one.
            language_model: The same.

        Raises:
            UsageError: There is no such choice, or it does not go with the others.
        """
        if name not in get_args(PruningName):
            raise UsageError(
                f"pruning={name!r} is not known (tuning.pruning)."
                f"{close_match(name, get_args(PruningName))}"
            )
        if name == "bohb" and (sampler is not None or language_model is not None):
            raise UsageError(
                "tuning.pruning: bohb brings its own sampler, TPE; with another one, or with a"
                " language model (tuning.language_model), choose hyperband."
            )
        parts = check_rungs(rungs)
        _refuse_contradiction(name, parts or (1,))
        return cls(cast("PruningName", name), parts)

    @property
    def races(self) -> bool:
        """Whether folds are raced."""
        return self.name in {"auto", "race"}

    def ladder(self, task: Task) -> Ladder:
        """Build the rungs of a study.

        Raises:
            UsageError: Rungs are wanted, and there are too few rows.
        """
        if self.name in {"race", "none"}:
            return Ladder.flat(task.folds)
        return Ladder.build(
            task.folds,
            task.table.y if task.table.n_classes else None,
            recent=task.prepared.time is not None,
            forced=self.name != "auto",
            seed=task.seed,
            parts=self.rungs,
        )

    def pruner(self, ladder: Ladder) -> BasePruner:
        """Make the pruner that judges the rungs below the top."""
        from optuna.pruners import NopPruner, SuccessiveHalvingPruner

        from driftune.tuning.brackets import Brackets
        from driftune.tuning.uneven_halving import UnevenHalving

        if len(ladder.rungs) == 1:
            return NopPruner()
        lowest = ladder.rungs[0].rows
        if self.name not in {"auto", "asha"}:
            return Brackets(lowest, len(ladder.rungs))
        if is_even([rung.part for rung in ladder.rungs]):
            return SuccessiveHalvingPruner(min_resource=lowest, reduction_factor=ETA)
        return UnevenHalving(ladder.rungs)

    def sampler(self, study: Study, seed: int) -> BaseSampler | None:
        """The sampler that belongs to the choice; ``None`` for any.

        Args:
            study: A resumed one draws on, it does not repeat its first numbers.
            seed: Of the sampler.
        """
        if self.name != "bohb":
            return None
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))


def is_even(parts: Sequence[int]) -> bool:
    """Whether each rung has :data:`ETA` times the rows of the one below, as Optuna has it.

    >>> is_even([9, 3, 1]), is_even([8, 1])
    (True, False)
    """
    return all(low == ETA * high for low, high in pairwise(parts))


def _refuse_contradiction(name: str, parts: Sequence[int]) -> None:
    if name in {"race", "none"} and len(parts) > 1:
        raise UsageError(
            f"tuning.rungs {list(parts)} asks for fewer rows first, which tuning.pruning: {name}"
            " rules out; choose auto, or rungs: [1]."
        )
    if name in {"hyperband", "bohb"} and not is_even(parts):
        raise UsageError(
            f"tuning.rungs {list(parts)} does not go with tuning.pruning: {name}, whose rungs each"
            f" have {ETA} times the rows of the one below, as in [9, 3, 1]; choose auto or asha."
        )


def predict_final(completed: Sequence[tuple[float, float]], loss: float) -> float | None:
    """What the loss on all rows would be, by what it is on fewer.

    As far behind the best completed trial as on the lower rung, but never before it: a trial that
    is stopped there has not shown that.

    Args:
        completed: Loss on the lower rung and on all rows, of each completed trial.
        loss: Of the trial, on the lower rung.

    >>> predict_final([(3.0, 2.0), (3.5, 2.2)], 3.25)
    2.25
    >>> predict_final([(3.0, 2.0), (3.5, 2.2)], 2.9)
    2.0
    """
    if not completed:
        return None
    early, final = min(completed, key=lambda pair: pair[1])
    return final + max(0.0, loss - early)
