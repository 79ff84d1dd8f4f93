"""Prefect flows: order, retries, schedules, events; the logic is in the library."""

from driftune.environment import set_defaults

set_defaults()  # before Prefect is imported
