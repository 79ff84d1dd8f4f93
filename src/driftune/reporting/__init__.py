"""One self-contained HTML file that says what the loop did, why, and what it bought."""

from driftune.reporting.report import write_report

__all__ = ["write_report"]
