"""How many threads a fit may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores that this process may run on, which in a container is fewer than the machine has.

    >>> usable_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
