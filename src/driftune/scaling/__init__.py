"""Scaling laws: a model of them, curves fitted to your own pilots, and what to do with a budget.

``plrf`` is the power-law random features model of "4+3 Phases of Compute-Optimal Neural Scaling
Laws" (Paquette, Paquette, Xiao and Pennington, arXiv 2405.15074), exact and fast. ``curves`` fits
learning curves and costs. ``advise`` turns them into rows, trials and rungs. Needs NumPy and SciPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driftune.scaling.advise.advice import Advice
    from driftune.scaling.advise.planner import plan_budget
    from driftune.scaling.curves.cost import CostModel, fit_cost
    from driftune.scaling.curves.joint import JointCurve, fit_joint
    from driftune.scaling.curves.learning_curve import LearningCurve, fit_learning_curve
    from driftune.scaling.curves.observation import Observation
    from driftune.scaling.curves.rounds import growth_exponent
    from driftune.scaling.plrf.frontier import compute_optimal
    from driftune.scaling.plrf.model import PLRF

_HOMES = {
    "Advice": "advise.advice",
    "CostModel": "curves.cost",
    "JointCurve": "curves.joint",
    "LearningCurve": "curves.learning_curve",
    "Observation": "curves.observation",
    "PLRF": "plrf.model",
    "compute_optimal": "plrf.frontier",
    "fit_cost": "curves.cost",
    "fit_joint": "curves.joint",
    "fit_learning_curve": "curves.learning_curve",
    "growth_exponent": "curves.rounds",
    "plan_budget": "advise.planner",
}

__all__ = [
    "PLRF",
    "Advice",
    "CostModel",
    "JointCurve",
    "LearningCurve",
    "Observation",
    "compute_optimal",
    "fit_cost",
    "fit_joint",
    "fit_learning_curve",
    "growth_exponent",
    "plan_budget",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
