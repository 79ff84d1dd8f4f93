"""How much memory this process holds."""

from __future__ import annotations

import sys


def resident_mb() -> float:
    """Resident memory of this process in units of 1,000,000 bytes.

    >>> 1 < resident_mb() < 1e6
    True
    """
    try:
        import psutil  # comes with Prefect, Dask and MLflow's server
    except ModuleNotFoundError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
    return float(psutil.Process().memory_info().rss) / 1e6
