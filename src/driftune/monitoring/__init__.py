"""Watch a model in service: measure (performance, drift), then decide (policy)."""

from driftune.monitoring.drift import DriftMonitor
from driftune.monitoring.drift_report import ColumnDrift, DriftReport, JointDrift
from driftune.monitoring.estimation import Estimate, PerformanceEstimator
from driftune.monitoring.performance import Observation, PerformanceMonitor
from driftune.monitoring.policy import Decision, PastDecision, TriggerPolicy

__all__ = [
    "ColumnDrift",
    "Decision",
    "DriftMonitor",
    "DriftReport",
    "Estimate",
    "JointDrift",
    "Observation",
    "PastDecision",
    "PerformanceEstimator",
    "PerformanceMonitor",
    "TriggerPolicy",
]
