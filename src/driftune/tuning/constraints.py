"""Limits on the model itself: no larger, slower or hungrier than a device allows.

``constraints: {model_size_kb: 500, latency_us_per_row: 50, memory_mb: 2}`` are Optuna's
constraints: a trial that breaks one is kept and teaches the sampler, but it cannot win. They are
meant for the final model. It is fitted on more rows than a fold's and therefore for more rounds
(:func:`driftune.tuning.rounds.scaled_rounds`), so a trial is judged by what its final model is
expected to be, and the final model is measured again.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError, UsageError, close_match
from driftune.tuning.rounds import scaled_rounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna
    import pandas as pd
    from numpy.typing import NDArray
    from optuna.trial import FrozenTrial

    from driftune.tuning.fold_work import FoldScore
    from driftune.tuning.footprint import Footprint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measure:
    """A quantity that can be limited.

    Attributes:
        attribute: Its name in a fold's score, in the trial table and in a footprint.
        unit: For sentences.
        axis: For pictures.
    """

    attribute: str
    unit: str
    axis: str


MEASURES = {
    "latency_us_per_row": Measure("latency_us", "µs", "prediction time per row, µs"),
    "memory_mb": Measure("memory_mb", "MB", "memory of the loaded model, MB"),
    "model_size_kb": Measure("model_kb", "kB", "size of the model, kB"),
}


@dataclass(frozen=True)
class Check:
    """A measured quantity beside its limit."""

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.value <= self.limit

    def __str__(self) -> str:
        """As ``model_size_kb 620 (limit 500)``."""
        return f"{self.name} {self.value:.4g} (limit {self.limit:g})"


def check_constraints(given: Mapping[str, Any] | None) -> dict[str, float]:
    """Read the setting ``tuning.constraints``.

    Raises:
        UsageError: An unknown name, or a limit that is not a number above zero.

    >>> check_constraints({"model_size_kb": 500})
    {'model_size_kb': 500.0}
    """
    for name, limit in (given or {}).items():
        if name not in MEASURES:
            raise UsageError(
                f"tuning.constraints: unknown name {name!r}.{close_match(name, MEASURES)}"
            )
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not number or not (limit > 0 and math.isfinite(limit)):
            raise UsageError(
                f"tuning.constraints.{name} is {limit!r}; it must be a number above zero"
                f" ({MEASURES[name].unit})."
            )
    return {name: float(limit) for name, limit in (given or {}).items()}


def expect_footprint(
    scores: Sequence[FoldScore], fold_rows: float, rows: int, *, rounds_grow: bool = True
) -> dict[str, float]:
    """What the final model of a configuration is expected to ask of a device.

    With rounds that grow, the greatest per round over the folds, times the rounds of the final fit;
    else the greatest over the folds, which a forest on more rows may exceed.

    Args:
        scores: Of the configuration's folds.
        fold_rows: Rows that a fold trained on, on average.
        rows: Rows of the final fit.
        rounds_grow: Whether more rows bear more rounds in this family.

    Returns:
        By the attributes of :data:`MEASURES`.
    """
    names = [measure.attribute for measure in MEASURES.values()]
    if not rounds_grow:
        return {name: max(getattr(score, name) for score in scores) for name in names}
    rounds = int(np.median([score.best_iteration for score in scores]))
    final = scaled_rounds(rounds, fold_rows, rows)
    return {
        name: final * max(getattr(s, name) / max(1, s.best_iteration) for s in scores)
        for name in names
    }


def violations(expected: Mapping[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    """By how much of a limit each is exceeded; at most zero is feasible, as Optuna has it.

    >>> violations({"model_kb": 750.0}, {"model_size_kb": 500.0})
    {'model_size_kb': 0.5}
    """
    return {name: expected[MEASURES[name].attribute] / top - 1 for name, top in limits.items()}


def note_violations(
    trial: optuna.Trial, facts: Mapping[str, Any], limits: Mapping[str, float]
) -> None:
    """Tell Optuna by how much a trial exceeds each limit.

    Args:
        trial: Running.
        facts: What is expected of its final model, by the attributes of :data:`MEASURES`.
        limits: By name.
    """
    for name, violation in violations(facts, limits).items():
        trial.set_constraint(name, violation)


def are_kept(facts: Mapping[str, Any], limits: Mapping[str, float]) -> bool:
    """Whether a model keeps all limits.

    >>> are_kept({"model_kb": 500.0}, {"model_size_kb": 500.0}), are_kept({}, {})
    (True, True)
    """
    return all(violation <= 0 for violation in violations(facts, limits).values())


def keep_limits(trials: pd.DataFrame, limits: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which rows of a trial table keep all limits, shape ``(n,)``; what is not known does not."""
    kept = np.ones(len(trials), dtype=bool)
    for name, limit in limits.items():
        kept &= trials[MEASURES[name].attribute].to_numpy(dtype=float) <= limit
    return kept


def check_footprint(footprint: Footprint, limits: Mapping[str, float]) -> list[Check]:
    """Hold a measured model against the limits."""
    return [
        Check(name, getattr(footprint, MEASURES[name].attribute), limit)
        for name, limit in limits.items()
    ]


def footprint_tags(footprint: Footprint) -> dict[str, str]:
    """A measured model as tags of a registered version, by the names of constraints."""
    return {
        f"driftune.{name}": f"{getattr(footprint, measure.attribute):.6g}"
        for name, measure in MEASURES.items()
    }


def warn_of_broken(footprint: Footprint, limits: Mapping[str, float]) -> None:
    """Say it when the final model, measured, breaks a limit that it was expected to keep."""
    broken = [check for check in check_footprint(footprint, limits) if not check.holds]
    if broken:
        logger.warning(
            "The final model breaks tuning.constraints: %s. It was fitted on more rows than a"
            " fold; a lower limit leaves room for that.",
            ", ".join(map(str, broken)),
        )


def refuse_infeasible(trials: Sequence[FrozenTrial], limits: Mapping[str, float]) -> None:
    """Refuse a study in which no measured trial keeps all limits.

    Raises:
        DriftuneError: Names the nearest trial's worst quantity, its limit and the setting.
    """
    measured = [t for t in trials if t.state.name in {"COMPLETE", "PRUNED"} and t.constraints]
    if not measured or any(max(t.constraints.values()) <= 0 for t in measured):
        return
    nearest = min(measured, key=lambda trial: max(trial.constraints.values()))
    worst = max(nearest.constraints, key=lambda name: nearest.constraints[name])
    limit = limits[worst]
    found = limit * (1 + nearest.constraints[worst])
    raise DriftuneError(
        f"None of {len(measured)} measured trials keeps tuning.constraints: the nearest, trial"
        f" {nearest.number}, needs {worst} {found:.4g} where {limit:g} is allowed. Raise"
        f" tuning.constraints.{worst}, give the search more trials (tuning.budget.max_trials), or"
        " let tuning.space reach smaller models."
    )
