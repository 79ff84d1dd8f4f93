"""Watch a model in service: measure (performance, drift), then decide (policy)."""

from driftune.monitoring.decision import Decision, PastDecision
from driftune.monitoring.detector import Detector
from driftune.monitoring.drift import DriftMonitor
from driftune.monitoring.drift_report import ColumnDrift, DriftReport, JointDrift
from driftune.monitoring.estimation import Estimate, PerformanceEstimator
from driftune.monitoring.performance import Observation, PerformanceMonitor
from driftune.monitoring.policy import TriggerPolicy
from driftune.monitoring.streaming import AdwinMonitor, PageHinkleyMonitor, StreamReport

__all__ = [
    "AdwinMonitor",
    "ColumnDrift",
    "Decision",
    "Detector",
    "DriftMonitor",
    "DriftReport",
    "Estimate",
    "JointDrift",
    "Observation",
    "PageHinkleyMonitor",
    "PastDecision",
    "PerformanceEstimator",
    "PerformanceMonitor",
    "StreamReport",
    "TriggerPolicy",
]
