"""The project's Kedro package: checked rows -> features -> a tuned study -> a registered model."""

from driftune.environment import set_defaults

set_defaults()  # before Kedro imports anything that phones home
