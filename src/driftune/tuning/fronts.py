"""What accuracy costs: the trials of a study beside what their models ask of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.tuning.constraints import MEASURES, Check, keep_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.tuning.result import TuningResult


@dataclass(frozen=True)
class Front:
    """The completed trials of a study on two scales.

    Attributes:
        name: Of the quantity, as constraints call it.
        costs: ``(n,)`` what each model asks, in the unit of :data:`MEASURES`.
        values: ``(n,)`` validation scores, in the metric's natural units.
        feasible: ``(n,)`` whether a trial keeps all constraints.
        best: Places of the trials that no other one beats on both scales, by rising cost.
        chosen: Place of the best configuration.
        limit: Of the constraint; ``None`` without one.
    """

    name: str
    costs: NDArray[np.float64]
    values: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    best: list[int]
    chosen: int
    limit: float | None


def pareto_front(costs: NDArray[np.float64], losses: NDArray[np.float64]) -> list[int]:
    """Places of the points that no other point beats on both scales, by rising cost.

    >>> pareto_front(np.array([1.0, 2.0, 2.0, 3.0]), np.array([5.0, 6.0, 4.0, 4.0]))
    [0, 2]
    """
    front: list[int] = []
    for place in np.lexsort((losses, costs)):
        if not front or losses[place] < losses[front[-1]]:
            front.append(int(place))
    return front


def find_front(result: TuningResult, name: str) -> Front | None:
    """The front of a study between a quantity and accuracy; ``None`` without a measured trial."""
    column = MEASURES[name].attribute
    trials = result.trials
    known = trials[trials["value"].notna() & trials[column].notna()]
    if known.empty:
        return None
    costs, values = known[column].to_numpy(dtype=float), known["value"].to_numpy(dtype=float)
    losses = values if result.direction == "minimize" else -values
    feasible = keep_limits(known, result.constraints)
    chosen = int(np.argmin(np.where(feasible, losses, np.inf)))
    return Front(
        name, costs, values, feasible, pareto_front(costs, losses), chosen,
        result.constraints.get(name),
    )  # fmt: skip


def check_best(result: TuningResult) -> list[Check]:
    """What the best configuration is expected to ask of a device, beside the limits."""
    fronts = [find_front(result, name) for name in result.constraints]
    return [
        Check(front.name, float(front.costs[front.chosen]), front.limit)
        for front in fronts
        if front is not None and front.limit is not None
    ]


def describe_constraints(result: TuningResult) -> str:
    """Say what the best configuration asks of a device and what the limits cost; or nothing."""
    checks = check_best(result)
    if not checks:
        return ""
    kept = "Constraints, as expected of the final model: " + ", ".join(map(str, checks)) + "."
    front = find_front(result, checks[0].name)
    assert front is not None
    losses = front.values if result.direction == "minimize" else -front.values
    free = int(np.argmin(losses))
    if free == front.chosen:
        return f"{kept} They cost no accuracy: the best trial of all keeps them."
    return (
        f"{kept} {int((~front.feasible).sum())} of {len(losses)} scored trials break them; the best"
        f" of these reached {result.metric} {front.values[free]:.5g} with {front.name}"
        f" {front.costs[free]:.4g}."
    )
