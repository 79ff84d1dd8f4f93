"""Environment variables that must be set before the heavy packages are imported; one place.

Nothing here overrides what the user has set.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_TELEMETRY = {
    "DO_NOT_TRACK": "true",  # mlflow knows only this spelling
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "KEDRO_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
QUIET_AND_OFFLINE = {
    "GOMP_SPINCOUNT": "300",  # threads that wait must not burn the cores: make bench-threads
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else litellm fetches prices when imported
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # halves the server's processes
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def set_defaults(state: Path | None = None) -> None:
    """Switch telemetry off and, given a project's state folder, keep Prefect's files there."""
    for name, value in {**NO_TELEMETRY, **QUIET_AND_OFFLINE}.items():
        os.environ.setdefault(name, value)
    if state is not None:
        os.environ.setdefault("PREFECT_HOME", str(state / "prefect"))
