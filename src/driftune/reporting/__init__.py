"""HTML files that say what the loop did, why, and what it bought; they need no network."""

from driftune.reporting.report import write_decision, write_report

__all__ = ["write_decision", "write_report"]
